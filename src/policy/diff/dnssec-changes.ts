import type { Seconds } from '../../base/units.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import type { DnssecException, DnssecPolicy, RuleSet } from '../rules/model/types.js'
import { dnssecOfClass } from '../tables/client-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import { byNetworks, type ClientRange } from './client-ranges.js'
import type { BeforeAfter } from './name-groups.js'

/** A network's clients whose answers are validated otherwise than before. */
export interface DnssecChange {
  readonly networks: BeforeAfter<string>
  readonly dnssec: BeforeAfter<DnssecPolicy>
}

/** A name that is excepted from validation, and was not before, or the other way round, or for another time. */
export interface DnssecExceptionChange {
  readonly name: string
  readonly kind: 'added' | 'removed' | 'changed'
}

export function dnssecChanges(
  ranges: readonly ClientRange[],
  snapshots: BeforeAfter<Snapshot>
): DnssecChange[] {
  return byNetworks(ranges).flatMap(([range]): DnssecChange[] => {
    const { classes, networks } = range!
    const { before, after } = networks
    if (before === undefined || after === undefined) return []
    const dnssec = {
      before: dnssecOfClass(snapshots.before.clients, classes.before),
      after: dnssecOfClass(snapshots.after.clients, classes.after)
    }
    return dnssec.before === dnssec.after ? [] : [{ networks: { before, after }, dnssec }]
  })
}

/** Of the DNSSEC exceptions that have not ended by `at`. */
export function exceptionChanges(
  { before, after }: BeforeAfter<RuleSet>,
  at: Seconds
): DnssecExceptionChange[] {
  const [was, is] = [termsOf(before, at), termsOf(after, at)]
  const names = new Set([...was.keys(), ...is.keys()])
  return [...names].flatMap((name): DnssecExceptionChange[] => {
    const [old, now] = [was.get(name), is.get(name)]
    if (old === now) return []
    const kind = old === undefined ? 'added' : now === undefined ? 'removed' : 'changed'
    return [{ name, kind }]
  })
}

/** A key that DNSSEC validation trusts, and did not before, or the other way round. */
export interface TrustAnchorChange {
  readonly anchor: string
  readonly kind: 'added' | 'removed'
}

export function trustAnchorChanges({ before, after }: BeforeAfter<RuleSet>): TrustAnchorChange[] {
  const [was, is] = [before.trustAnchors ?? [], after.trustAnchors ?? []]
  return [
    ...is.filter(one => !was.includes(one)).map(anchor => ({ anchor, kind: 'added' as const })),
    ...was.filter(one => !is.includes(one)).map(anchor => ({ anchor, kind: 'removed' as const }))
  ]
}

/** When each name is excepted, by its canonical form. */
function termsOf({ dnssecExceptions = [] }: RuleSet, at: Seconds): ReadonlyMap<string, string> {
  const terms = new Map<string, string>()
  const lasting = dnssecExceptions.filter(({ until }) => at < until)
  for (const { name, from, until } of lasting.toSorted(byStart)) {
    const key = showCanonical(showName(name))
    terms.set(key, `${terms.get(key) ?? ''}${Math.max(from, at)}-${until} `)
  }
  return terms
}

const byStart = (a: DnssecException, b: DnssecException): number =>
  a.from - b.from || a.until - b.until
