import { showPrefix } from '../../base/values/address.js'
import { showServer, type UpstreamServer } from '../../wire/sockets/upstream-server.js'
import type { Dns64Settings, ForwardedNames, NetworkRules, RuleSet } from '../rules/model/types.js'
import { byNetworks, type ClientRange } from './client-ranges.js'
import type { BeforeAfter } from './name-groups.js'

/** A network's clients whose queries are forwarded elsewhere, who get other AAAA records, or whose egress is treated otherwise. */
export interface ResolutionChange {
  readonly networks: BeforeAfter<string>
  readonly key: 'forward' | 'dns64' | 'egress'
  /** As text; `none`: without the key, `off` of `egress`. */
  readonly values: BeforeAfter<string>
}

export function resolutionChanges(
  ranges: readonly ClientRange[],
  { before, after }: BeforeAfter<RuleSet>
): ResolutionChange[] {
  const [old, now] = [byId(before), byId(after)]
  return byNetworks(ranges).flatMap(([range]): ResolutionChange[] => {
    const { networks } = range!
    if (networks.before === undefined || networks.after === undefined) return []
    const [was, is] = [old.get(networks.before)!, now.get(networks.after)!]
    const pair = { before: networks.before, after: networks.after }
    return [
      {
        networks: pair,
        key: 'forward' as const,
        values: { before: showForward(was.forward), after: showForward(is.forward) }
      },
      {
        networks: pair,
        key: 'dns64' as const,
        values: showDns64({ before: was.dns64, after: is.dns64 })
      },
      {
        networks: pair,
        key: 'egress' as const,
        values: { before: was.egress ?? 'off', after: is.egress ?? 'off' }
      }
    ].filter(({ values }) => values.before !== values.after)
  })
}

const byId = ({ networks }: RuleSet): ReadonlyMap<string, NetworkRules> =>
  new Map(networks.map(network => [network.id, network]))

function showForward(domains: readonly ForwardedNames[] | undefined): string {
  if (domains === undefined) return 'none'
  return domains
    .map(({ domain, servers }) => {
      const shown = servers.map(showPinned).join(', ')
      return domain === '.' ? shown : `${domain} to ${shown}`
    })
    .join('; ')
}

function showPinned(server: UpstreamServer): string {
  const pins = (server.tls?.pins ?? []).map(pin => ` pin ${pin}`)
  return `${showServer(server)}${pins.join('')}`
}

/** The prefixes; what is excluded only where the prefix stays, since the default is long. */
function showDns64({ before, after }: BeforeAfter<Dns64Settings | undefined>): BeforeAfter<string> {
  const prefixes = { before: prefixOf(before), after: prefixOf(after) }
  if (before === undefined || after === undefined || prefixes.before !== prefixes.after)
    return prefixes
  return { before: withExclusions(before), after: withExclusions(after) }
}

const prefixOf = (settings: Dns64Settings | undefined): string =>
  settings === undefined ? 'none' : showPrefix(settings.prefix)

function withExclusions({ prefix, excludeAaaa, excludeA }: Dns64Settings): string {
  const without = [...excludeAaaa, ...excludeA].map(excluded => showPrefix(excluded))
  return `${showPrefix(prefix)}${without.length === 0 ? '' : ` without ${without.join(', ')}`}`
}
