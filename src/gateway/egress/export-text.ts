import { failure } from '../../base/errors/error.js'
import type { DeniedExport, DeniedSet, FetchRequest } from './denied-export.js'
import { DNS_PORTS, PRIORITY, versionOf, type IpVersion } from './nft-ruleset.js'

/** The table for other firewalls: the helper's own has another name, so that both can be on one machine. */
const TABLE = 'interdict_denied'
const VERSIONS = [4, 6] as const
const PORTS = ['all', 'dns'] as const
/** Of clients and destinations in a set of ipset. */
const MAX_PAIRS = 2 ** 20
type Ports = (typeof PORTS)[number]

/** `list` is for one set of clients; the others contain all of them. */
export type ExportFormat = 'nft' | 'ipset' | 'list'

/** Comments that begin each file. */
function head({ serial }: DeniedExport, networks: readonly string[]): string[] {
  return [
    `# Interdict: denied addresses, serial ${serial}`,
    networks.length === 0
      ? '# nothing is denied'
      : `# ${networks.length === 1 ? 'network' : 'networks'} ${networks.join(', ')}`
  ]
}

/** For `nft -f`: replaces a table of its own, with its sets and rules, in one transaction. nft(8) */
export function nftText(denied: DeniedExport): string {
  const { sets } = denied
  const rules = sets.flatMap((set, i) =>
    VERSIONS.flatMap(version => {
      if (clientsOf(set, version).length === 0) return []
      const from = `${version === 4 ? 'ip' : 'ip6'} saddr @clients${version}_${i}`
      return PORTS.map(ports => {
        const to = `${version === 4 ? 'ip' : 'ip6'} daddr @${ports}${version}_${i}`
        const service = `meta l4proto { tcp, udp } th dport { ${DNS_PORTS.join(', ')} }`
        const match = ports === 'all' ? [from, to] : [from, to, service]
        const comment = `comment "${set.network}"`
        return `    ${match.join(' ')} counter reject with icmpx admin-prohibited ${comment}`
      })
    })
  )
  return lines([
    ...head(denied, networksOf(sets)),
    `add table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    ...sets.flatMap((set, i) =>
      VERSIONS.flatMap(version => {
        const clients = clientsOf(set, version)
        if (clients.length === 0) return []
        return [
          ...nftSet(`clients${version}_${i}`, version, clients),
          ...PORTS.flatMap(ports =>
            nftSet(`${ports}${version}_${i}`, version, ofVersion(set[ports], version))
          )
        ]
      })
    ),
    '  chain forward {',
    `    type filter hook forward priority ${PRIORITY}; policy accept;`,
    ...rules,
    '  }',
    '}'
  ])
}

function nftSet(name: string, version: IpVersion, elements: readonly string[]): string[] {
  return [
    `  set ${name} {`,
    `    type ipv${version}_addr; flags interval; auto-merge;`,
    ...(elements.length === 0 ? [] : [`    elements = { ${elements.join(',\n      ')} }`]),
    '  }'
  ]
}

/**
 * For `ipset restore`: four sets of pairs of client and destination, each replaced at once. ipset(8), hash:net,net
 *
 * @throws InterdictError EGRESS_EXPORT if there are too many
 */
export function ipsetText(denied: DeniedExport): string {
  const { sets } = denied
  return lines([
    ...head(denied, networksOf(sets)),
    ...VERSIONS.flatMap(version =>
      PORTS.flatMap(ports => {
        const name = `interdict_${ports}${version}`
        const pairs = sets.flatMap(set => pairsOf(set, ports, version))
        if (pairs.length > MAX_PAIRS)
          throw failure(
            'EGRESS_EXPORT',
            `ipset needs ${pairs.length} pairs of client and destination`
          )
        const family = version === 4 ? 'inet' : 'inet6'
        return [
          // With other options than those that the set has, this is an error.
          ...[name, `${name}_new`].map(
            one => `create ${one} hash:net,net family ${family} maxelem ${MAX_PAIRS} -exist`
          ),
          `flush ${name}_new`,
          ...pairs.map(pair => `add ${name}_new ${pair} -exist`),
          `swap ${name} ${name}_new`,
          `destroy ${name}_new`
        ]
      })
    )
  ])
}

function pairsOf(set: DeniedSet, ports: Ports, version: IpVersion): string[] {
  const destinations = ofVersion(set[ports], version).flatMap(withoutZero)
  return clientsOf(set, version)
    .flatMap(withoutZero)
    .flatMap(client => destinations.map(destination => `${client},${destination}`))
}

/** Both halves of a prefix of length zero, which ipset does not accept. */
function withoutZero(prefix: string): string[] {
  if (!prefix.endsWith('/0')) return [prefix]
  return versionOf(prefix.split('/')[0]!) === 4
    ? ['0.0.0.0/1', '128.0.0.0/1']
    : ['::/1', '8000::/1']
}

/** An address or prefix a line, of one set. @param set undefined: nothing is denied to these clients */
export function listText(
  denied: DeniedExport,
  set: DeniedSet | undefined,
  { network, client, ports }: FetchRequest & { readonly ports: Ports }
): string {
  const what = ports === 'all' ? 'on all ports' : `on ports ${DNS_PORTS.join(', ')}`
  const clients = set?.clients.join(', ') ?? client ?? `network ${network}`
  return lines([
    ...head(denied, networksOf(denied.sets)),
    `# denied ${what} to ${clients}`,
    ...(set?.[ports] ?? [])
  ])
}

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`
const networksOf = (sets: readonly DeniedSet[]): string[] => [
  ...new Set(sets.map(({ network }) => network))
]
const clientsOf = ({ clients }: DeniedSet, version: IpVersion): string[] =>
  ofVersion(clients, version)
const ofVersion = (prefixes: readonly string[], version: IpVersion): string[] =>
  prefixes.filter(prefix => versionOf(prefix.split('/')[0]!) === version)
