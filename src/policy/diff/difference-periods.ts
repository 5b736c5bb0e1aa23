import { addressWords } from '../../base/values/address.js'
import type { Seconds } from '../../base/units.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { QtypeSet } from '../rules/model/types.js'
import type { RuleVerdict, Subject } from '../evaluate/evaluator.js'
import { unstoredNameBelow, type BeforeAfter, type NameGroup } from './name-groups.js'
import type { SnapshotView } from './snapshot-view.js'
import { timeSegments, type TimeSegment } from './time-segments.js'

/** A period in which the verdicts of two snapshots differ, always in the same way. */
export interface DifferencePeriod {
  /** -Infinity: from now on. */
  readonly from: Seconds
  readonly until: Seconds
  /** The weekly hours that the difference depends on; undefined: it exists at all times. */
  readonly hours?: string
  /** The query types concerned; undefined: all. */
  readonly qtypes?: QtypeSet
  readonly verdicts: BeforeAfter<RuleVerdict>
}

/** Periods for the names of a group, and for the names below them that no snapshot stores. */
export interface GroupPeriods {
  readonly own: readonly DifferencePeriod[]
  readonly below: readonly DifferencePeriod[]
}

/**
 * The periods in which two snapshots differ on a group of names, from an instant on.
 *
 * @param classes of the clients, in each snapshot
 */
export function periodsOf(
  group: NameGroup,
  { own, below }: Subjects,
  views: BeforeAfter<SnapshotView>,
  classes: BeforeAfter<number>,
  at: Seconds
): GroupPeriods {
  const claims = [
    ...views.before.claimsOf(group, classes.before),
    ...views.after.claimsOf(group, classes.after)
  ]
  const segments = timeSegments(claims, at)
  const types = claims.flatMap(({ qtypes }) => qtypes?.types ?? [])
  const periods = (subject: Subject | undefined): DifferencePeriod[] => {
    if (subject === undefined) return []
    return byType(types, qtype => periodsIn({ subject, qtype, classes }, views, segments))
  }
  const ownPeriods = periods(own)
  // An address has nothing below it: a prefix that covers it is the whole match.
  return { own: ownPeriods, below: own?.kind === 'address' ? ownPeriods : periods(below) }
}

/** What is evaluated on behalf of a group of names. */
interface Subjects {
  readonly own?: Subject
  readonly below?: Subject
}

export function subjectsOf(
  { examples }: NameGroup,
  { before, after }: BeforeAfter<SnapshotView>
): Subjects {
  const [first] = examples
  if (first === undefined) return {}
  if (first.kind === 'address') {
    return { own: { kind: 'address', words: addressWords(first.address) } }
  }
  const snapshots = { before: before.snapshot, after: after.snapshot }
  for (const example of examples) {
    if (example.kind !== 'name') continue
    const octets = unstoredNameBelow(example.octets, snapshots)
    if (octets !== undefined) return { own: first, below: { kind: 'name', octets } }
  }
  return { own: first }
}

/** Not a type (RFC 6895 §3.1 reserves 0): represents all types that no rule mentions. */
const ANY_OTHER = 0

/** The periods of each type that rules mention, and of all others; equal ones are merged. */
function byType(
  mentioned: readonly number[],
  periodsOf: (qtype: number) => readonly DifferencePeriod[]
): DifferencePeriod[] {
  if (mentioned.length === 0) return [...periodsOf(RRTYPE.A)]
  const types = [...new Set(mentioned)].sort((a, b) => a - b)
  const found = new Map<string, { readonly period: DifferencePeriod; readonly of: Set<number> }>()
  for (const qtype of [ANY_OTHER, ...types]) {
    for (const period of periodsOf(qtype)) {
      const key = keyOf(period)
      const known = found.get(key) ?? { period, of: new Set() }
      known.of.add(qtype)
      found.set(key, known)
    }
  }
  return [...found.values()].map(({ period, of }) => {
    const except = of.has(ANY_OTHER)
    const listed = types.filter(qtype => of.has(qtype) !== except)
    return except && listed.length === 0 ? period : { ...period, qtypes: { types: listed, except } }
  })
}

interface EvaluatedQuestion {
  readonly subject: Subject
  readonly qtype: number
  readonly classes: BeforeAfter<number>
}

function periodsIn(
  { subject, qtype, classes }: EvaluatedQuestion,
  { before, after }: BeforeAfter<SnapshotView>,
  segments: readonly TimeSegment[]
): DifferencePeriod[] {
  const periods: DifferencePeriod[] = []
  for (const { from, until, times, hours } of segments) {
    const seen = new Map<string, BeforeAfter<RuleVerdict>>()
    for (const time of times) {
      const verdicts = {
        before: before.evaluator.evaluate(subject, qtype, classes.before, time),
        after: after.evaluator.evaluate(subject, qtype, classes.after, time)
      }
      seen.set(`${verdicts.before.key}\n${verdicts.after.key}`, verdicts)
    }
    for (const verdicts of seen.values()) {
      if (verdicts.before.key === verdicts.after.key) continue
      const period = { from, until, verdicts, ...(seen.size > 1 && { hours }) }
      const earlier = periods.findIndex(it => it.until === from && isSame(it, period))
      if (earlier === -1) periods.push(period)
      else periods.push({ ...period, from: periods.splice(earlier, 1)[0]!.from })
    }
  }
  return periods
}

function isSame(one: DifferencePeriod, other: DifferencePeriod): boolean {
  return keyOf({ ...one, from: 0, until: 0 }) === keyOf({ ...other, from: 0, until: 0 })
}

/** Equal for periods with equal content. */
export function keyOf({ from, until, hours = '', qtypes, verdicts }: DifferencePeriod): string {
  const types = qtypes === undefined ? '' : `${qtypes.except} ${qtypes.types.join()}`
  const { before, after } = verdicts
  return `${from} ${until} ${hours} ${types}\n${before.key}\n${after.key}`
}
