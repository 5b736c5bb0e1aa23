import type { Seconds } from '../../../base/units.js'
import { containsPrefix, readPrefix } from '../../../base/values/address.js'
import type { RuleSet } from '../model/types.js'
import type { Mandate, MandatedBan } from './mandate.js'
import { openAtAll, OpeningFinder, type NetworkOpening } from './network-openings.js'
import { remaining } from './required-term.js'
import { ScopeResolver, type KnownPrefixes, type MandateScope } from './scope.js'
import type { Shortfall } from './shortfall.js'
import { Targets, type KnownNames, type Target } from './targets.js'

/** The contents of mandated apps and networks under the rules in force. */
export interface Reach {
  readonly names: KnownNames
  readonly prefixes: KnownPrefixes
}

export const NO_REACH: Reach = { names: {}, prefixes: {} }

/** The openings that rules leave in mandates. */
export interface Evaluation {
  readonly shortfalls: readonly Shortfall[]
  /** By SHA-256 of the mandate. */
  readonly reach: Readonly<Record<string, Reach>>
}

/**
 * Finds the openings that rules leave in mandates, from now until the end of each mandate.
 *
 * @param known by SHA-256 of the mandate: what was removed from an app or a network since is still mandated
 */
export function evaluateMandates(
  mandates: readonly Mandate[],
  rules: RuleSet,
  now: Seconds,
  known: Readonly<Record<string, Reach>>
): Evaluation {
  const targets = new Targets(rules)
  const scopes = new ScopeResolver(rules.networks)
  const orders = mandates.flatMap(mandate =>
    mandate.bans.map((ban, number): Order => {
      const { names, prefixes } = known[mandate.sha256] ?? NO_REACH
      const what = targets.of(ban, names)
      return { mandate, ban, number, targets: what, scopes: scopes.resolve(ban, prefixes) }
    })
  )
  const finder = new OpeningFinder(targets, rules.timeZone)
  const shortfalls = orders.flatMap(order => shortfallsOf(order, finder, now))
  const reach = mandates.map(mandate => {
    const own = shortfalls.filter(one => one.mandate === mandate.sha256)
    const before = known[mandate.sha256] ?? NO_REACH
    return [mandate.sha256, reachOf(mandate, targets, scopes, before, own)] as const
  })
  return { shortfalls, reach: Object.fromEntries(reach) }
}

interface Order {
  readonly mandate: Mandate
  readonly ban: MandatedBan
  readonly number: number
  readonly targets: readonly Target[]
  readonly scopes: readonly MandateScope[]
}

function shortfallsOf(order: Order, finder: OpeningFinder, now: Seconds): Shortfall[] {
  const { mandate, ban, number, targets, scopes } = order
  const required = remaining(ban, now)
  if (required === undefined) return []
  const find = (target: Target, scope: MandateScope): NetworkOpening[] => {
    const { network, text, prefixes } = scope
    if (network === undefined) {
      const why =
        prefixes === undefined ? `the rules have no network ${text}` : 'no network has them'
      return [openAtAll(scope, required, why)]
    }
    if (target.isMissing) return [openAtAll(scope, required, `the rules have no ${target.label}`)]
    return finder.find(network, scope, target, required, ban.allowsExceptions)
  }
  return targets.flatMap(target =>
    scopes.flatMap(scope =>
      find(target, scope).map(opening => ({
        ...opening,
        // The clock may have been set back: what is open now was open before.
        from: opening.from === required.from ? Math.max(ban.from, 0) : opening.from,
        mandate: mandate.sha256,
        id: mandate.id,
        ban: number,
        target: target.label,
        position: target.position,
        network: scope.network?.id ?? (scope.prefixes === undefined ? scope.text : null),
        where: whereOf(scope)
      }))
    )
  )
}

function whereOf({ network, text, prefixes }: MandateScope): string {
  if (network === undefined) return prefixes === undefined ? `network ${text}` : `part of ${text}`
  return text === network.id ? `network ${network.id}` : `network ${network.id}, part of ${text}`
}

/** The reach of a mandate, without anything that is open now or no longer in any network. */
function reachOf(
  { bans }: Mandate,
  targets: Targets,
  scopes: ScopeResolver,
  before: Reach,
  open: readonly Shortfall[]
): Reach {
  const apps = [...new Set(bans.flatMap(({ apps }) => apps.map(({ value }) => value)))]
  const networks = bans.flatMap(({ networks }) =>
    networks === 'all' ? [] : networks.map(({ value }) => value)
  )
  const openNames = new Set(open.flatMap(({ names }) => names))
  const openClients = new Set(open.flatMap(({ clients }) => clients))
  const names = apps.map(app => {
    const kept = (before.names[app] ?? []).filter(name => !openNames.has(name))
    return [app, [...new Set([...targets.namesOf(app), ...kept])]] as const
  })
  const prefixes = [...new Set(networks)].map(id => {
    const own = scopes.addressesOf(id)
    const current = own.map(readPrefix)
    const isLost = (text: string): boolean => {
      const prefix = readPrefix(text)
      return !openClients.has(text) && !current.some(one => containsPrefix(one, prefix))
    }
    const kept = (before.prefixes[id] ?? []).filter(isLost)
    return [id, [...own, ...kept.filter(text => scopes.isServed(readPrefix(text)))]] as const
  })
  return { names: Object.fromEntries(names), prefixes: Object.fromEntries(prefixes) }
}
