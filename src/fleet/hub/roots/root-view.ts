import { showInstant } from '../../../base/time/instant.js'
import type { SignedRoot } from '../../../sources/root/root.js'
import type { ReportedTrust } from '../../channel/wire.js'
import type { Sources } from '../views.js'

/** How far a fleet trusts a key. */
export interface KeyView {
  readonly key: string
  /** True if the newest root lists it for bundles. */
  readonly listed: boolean
  /** Gateways that trust it, by their last report. */
  readonly trustedBy: number
  /**
   * `ready`: all gateways trust it, so bundles may be signed with it alone; `spreading`: not all do yet; `revoking`: not
   * listed, but gateways still trust it; `dropped`: no gateway trusts it, so its private key may be destroyed.
   */
  readonly state: 'ready' | 'spreading' | 'revoking' | 'dropped'
}

/** The root of trust of a fleet, and how far it has come. The JSON is public: docs/operations/fleet.md. */
export interface RootView {
  /** The newest one that was published; null: none was. */
  readonly version: number | null
  readonly expires: string | null
  readonly threshold: number | null
  readonly gateways: number
  /** Gateways that have it, an older one, none, a newer one than the hub, or whose trust is not known. */
  readonly current: number
  readonly older: number
  readonly none: number
  readonly newer: number
  readonly unknown: number
  /** Gateways that are not known to have it, at most twenty. */
  readonly waiting: readonly string[]
  /** Keys for bundles: of all roots, and those that gateways trust. */
  readonly keys: readonly KeyView[]
}

const MAX_NAMED = 20
type Place = 'current' | 'older' | 'none' | 'newer' | 'unknown'

/** @param newest undefined: none was published @param earlier keys for bundles of the roots before it */
export function rootView(
  newest: SignedRoot | undefined,
  earlier: readonly string[],
  { gateways }: Pick<Sources, 'gateways'>
): RootView {
  const counts: Record<Place, number> = { current: 0, older: 0, none: 0, newer: 0, unknown: 0 }
  const waiting: string[] = []
  const trustedBy = new Map<string, number>()
  for (const gateway of gateways) {
    const trust = gateway.report?.trust
    const place = placeOf(trust, newest?.root.version)
    counts[place]++
    if (place !== 'current' && place !== 'newer') waiting.push(gateway.name)
    for (const key of trust?.keys ?? []) trustedBy.set(key, (trustedBy.get(key) ?? 0) + 1)
  }
  const listed = newest?.root.roles.bundle.keys ?? []
  // A hub that lost its record knows no gateway.
  const isKnown = gateways.length > 0
  // A gateway never goes back to an older root, so its last report counts, however old.
  const stateOf = (key: string, count: number): KeyView['state'] => {
    if (newest === undefined || listed.includes(key))
      return isKnown && count === gateways.length ? 'ready' : 'spreading'
    return isKnown && count === 0 && counts.unknown === 0 ? 'dropped' : 'revoking'
  }
  const keys = [...new Set([...listed, ...earlier, ...trustedBy.keys()])].map((key): KeyView => {
    const count = trustedBy.get(key) ?? 0
    return { key, listed: listed.includes(key), trustedBy: count, state: stateOf(key, count) }
  })
  return {
    version: newest?.root.version ?? null,
    expires: newest === undefined ? null : showInstant(newest.root.expires, 'UTC'),
    threshold: newest?.root.roles.bundle.threshold ?? null,
    gateways: gateways.length,
    ...counts,
    waiting: waiting.toSorted().slice(0, MAX_NAMED),
    keys
  }
}

function placeOf(trust: ReportedTrust | undefined, version: number | undefined): Place {
  if (trust === undefined) return 'unknown'
  if (trust.root === null) return 'none'
  if (version === undefined || trust.root > version) return 'newer'
  return trust.root === version ? 'current' : 'older'
}
