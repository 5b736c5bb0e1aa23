import { addressWords } from '../../base/address.js'
import type { Seconds } from '../../base/units.js'
import { RRTYPE } from '../../dns/registry/rrtype.js'
import type { QtypeSet } from '../../rules/model/types.js'
import type { Standing, Subject } from '../evaluate/standing.js'
import { nameBelow, type Both, type Chain } from './chains.js'
import { segmentsOf, type Segment } from './segments.js'
import type { Side } from './side.js'

/** A stretch of time in which two snapshots differ, always in the same way. */
export interface Span {
  /** -Infinity: it is so at once. */
  readonly from: Seconds
  readonly until: Seconds
  /** Not at all times in between, but as these weekly hours say; undefined: at all times. */
  readonly hours?: string
  /** Only for questions of these types; undefined: of all. */
  readonly qtypes?: QtypeSet
  readonly standings: Both<Standing>
}

/** Spans for what ends a chain, and for what is below it and stored nowhere. */
export interface ChainSpans {
  readonly own: readonly Span[]
  readonly below: readonly Span[]
}

/**
 * How two snapshots differ on what ends a chain, from an instant on.
 *
 * @param classes of the clients, in each
 */
export function spansOf(
  chain: Chain,
  { own, below }: Subjects,
  sides: Both<Side>,
  classes: Both<number>,
  at: Seconds
): ChainSpans {
  const claims = [
    ...sides.before.claimsOf(chain, classes.before),
    ...sides.after.claimsOf(chain, classes.after)
  ]
  const segments = segmentsOf(claims, at)
  const types = claims.flatMap(({ qtypes }) => qtypes?.types ?? [])
  const spans = (subject: Subject | undefined): Span[] => {
    if (subject === undefined) return []
    return byType(types, qtype => spansAt({ subject, qtype, classes }, sides, segments))
  }
  const ownSpans = spans(own)
  // An address has nothing below it: what covers it covers all of its prefix.
  return { own: ownSpans, below: own?.kind === 'address' ? ownSpans : spans(below) }
}

/** What is judged, for all that has a chain. */
interface Subjects {
  readonly own?: Subject
  readonly below?: Subject
}

export function subjectsOf({ examples }: Chain, { before, after }: Both<Side>): Subjects {
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

/** The spans of each type that rules name, and of all others; together where they are the same. */
function byType(named: readonly number[], spansOf: (qtype: number) => readonly Span[]): Span[] {
  if (named.length === 0) return [...spansOf(RRTYPE.A)]
  const types = [...new Set(named)].sort((a, b) => a - b)
  const found = new Map<string, { readonly span: Span; readonly of: Set<number> }>()
  for (const qtype of [ANY_OTHER, ...types]) {
    for (const span of spansOf(qtype)) {
      const key = keyOf(span)
      const known = found.get(key) ?? { span, of: new Set() }
      known.of.add(qtype)
      found.set(key, known)
    }
  }
  return [...found.values()].map(({ span, of }) => {
    const except = of.has(ANY_OTHER)
    const told = types.filter(qtype => of.has(qtype) !== except)
    return except && told.length === 0 ? span : { ...span, qtypes: { types: told, except } }
  })
}

interface Question {
  readonly subject: Subject
  readonly qtype: number
  readonly classes: Both<number>
}

function spansAt(
  { subject, qtype, classes }: Question,
  { before, after }: Both<Side>,
  segments: readonly Segment[]
): Span[] {
  const spans: Span[] = []
  for (const { from, until, times, hours } of segments) {
    const seen = new Map<string, Both<Standing>>()
    for (const time of times) {
      const standings = {
        before: before.standings.of(subject, qtype, classes.before, time),
        after: after.standings.of(subject, qtype, classes.after, time)
      }
      seen.set(`${standings.before.whole}\n${standings.after.whole}`, standings)
    }
    for (const standings of seen.values()) {
      if (standings.before.whole === standings.after.whole) continue
      const span = { from, until, standings, ...(seen.size > 1 && { hours }) }
      const earlier = spans.findIndex(it => it.until === from && isSame(it, span))
      if (earlier === -1) spans.push(span)
      else spans.push({ ...span, from: spans.splice(earlier, 1)[0]!.from })
    }
  }
  return spans
}

function isSame(one: Span, other: Span): boolean {
  return keyOf({ ...one, from: 0, until: 0 }) === keyOf({ ...other, from: 0, until: 0 })
}

/** Equal for spans that say the same. */
export function keyOf({ from, until, hours = '', qtypes, standings }: Span): string {
  const types = qtypes === undefined ? '' : `${qtypes.except} ${qtypes.types.join()}`
  const { before, after } = standings
  return `${from} ${until} ${hours} ${types}\n${before.whole}\n${after.whole}`
}
