import { addressWords } from '../../base/address.js'
import type { Seconds } from '../../base/units.js'
import { RRTYPE } from '../../dns/registry/rrtype.js'
import type { QtypeSet } from '../../rules/model/types.js'
import type { Decision, Subject } from '../evaluate/decision.js'
import { nameBelow, type BeforeAfter, type NameGroup } from './name-groups.js'
import type { SnapshotView } from './snapshot-view.js'
import { timeSegments, type TimeSegment } from './time-segments.js'

/** A stretch of time in which two snapshots differ, always in the same way. */
export interface DifferencePeriod {
  /** -Infinity: it is so at once. */
  readonly from: Seconds
  readonly until: Seconds
  /** Not at all times in between, but as these weekly hours say; undefined: at all times. */
  readonly hours?: string
  /** Only for questions of these types; undefined: of all. */
  readonly qtypes?: QtypeSet
  readonly decisions: BeforeAfter<Decision>
}

/** Spans for what ends a chain, and for what is below it and stored nowhere. */
export interface GroupPeriods {
  readonly own: readonly DifferencePeriod[]
  readonly below: readonly DifferencePeriod[]
}

/**
 * How two snapshots differ on what ends a chain, from an instant on.
 *
 * @param classes of the clients, in each
 */
export function periodsOf(
  chain: NameGroup,
  { own, below }: Subjects,
  sides: BeforeAfter<SnapshotView>,
  classes: BeforeAfter<number>,
  at: Seconds
): GroupPeriods {
  const claims = [
    ...sides.before.claimsOf(chain, classes.before),
    ...sides.after.claimsOf(chain, classes.after)
  ]
  const segments = timeSegments(claims, at)
  const types = claims.flatMap(({ qtypes }) => qtypes?.types ?? [])
  const periods = (subject: Subject | undefined): DifferencePeriod[] => {
    if (subject === undefined) return []
    return byType(types, qtype => periodsIn({ subject, qtype, classes }, sides, segments))
  }
  const ownSpans = periods(own)
  // An address has nothing below it: what covers it covers all of its prefix.
  return { own: ownSpans, below: own?.kind === 'address' ? ownSpans : periods(below) }
}

/** What is judged, for all that has a chain. */
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
    const octets = example.kind === 'name' ? nameBelow(example.octets, snapshots) : undefined
    if (octets !== undefined) return { own: first, below: { kind: 'name', octets } }
  }
  return { own: first }
}

/** Of no number: it stands for all types that no rule names. */
const ANY_OTHER = 0

/** The periods of each type that rules name, and of all others; together where they are the same. */
function byType(
  named: readonly number[],
  spansOf: (qtype: number) => readonly DifferencePeriod[]
): DifferencePeriod[] {
  if (named.length === 0) return [...spansOf(RRTYPE.A)]
  const types = [...new Set(named)].sort((a, b) => a - b)
  const found = new Map<string, { readonly period: DifferencePeriod; readonly of: Set<number> }>()
  for (const qtype of [ANY_OTHER, ...types]) {
    for (const period of spansOf(qtype)) {
      const key = keyOf(period)
      const known = found.get(key) ?? { period, of: new Set() }
      known.of.add(qtype)
      found.set(key, known)
    }
  }
  return [...found.values()].map(({ period, of }) => {
    const except = of.has(ANY_OTHER)
    const told = types.filter(qtype => of.has(qtype) !== except)
    return except && told.length === 0 ? period : { ...period, qtypes: { types: told, except } }
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
    const seen = new Map<string, BeforeAfter<Decision>>()
    for (const time of times) {
      const decisions = {
        before: before.evaluator.evaluate(subject, qtype, classes.before, time),
        after: after.evaluator.evaluate(subject, qtype, classes.after, time)
      }
      seen.set(`${decisions.before.key}\n${decisions.after.key}`, decisions)
    }
    for (const decisions of seen.values()) {
      if (decisions.before.key === decisions.after.key) continue
      const period = { from, until, decisions, ...(seen.size > 1 && { hours }) }
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

/** Equal for periods that say the same. */
export function keyOf({ from, until, hours = '', qtypes, decisions }: DifferencePeriod): string {
  const types = qtypes === undefined ? '' : `${qtypes.except} ${qtypes.types.join()}`
  const { before, after } = decisions
  return `${from} ${until} ${hours} ${types}\n${before.key}\n${after.key}`
}
