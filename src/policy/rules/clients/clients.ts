import { showPosition } from '../../../base/errors/position.js'
import { didYouMean } from '../../yaml/closest.js'
import type { ClientAuthority, ClientRule, ClientRules } from '../model/client-types.js'
import type { Location } from '../model/location.js'
import type { NetworkRules } from '../model/types.js'
import type { ClientEntry } from '../schema/clients-schema.js'
import type { NetworksFile } from '../schema/networks-schema.js'
import { neededExceptions } from './fewer-bans-than.js'

/** Exceptions that an error names. */
const MAX_LISTED = 5

/** The networks into which clients are put. */
export function clientNetworks({ clients }: Pick<NetworksFile, 'clients'>): ReadonlySet<string> {
  return new Set(Object.values(clients).map(({ network }) => network))
}

/**
 * Builds the clients of a file. Errors are added to `top`, the location of the whole file.
 *
 * @param served all networks that clients can be in
 * @returns undefined: none
 */
export function buildClients(
  file: NetworksFile,
  authorities: readonly ClientAuthority[],
  served: readonly NetworkRules[],
  top: Location
): ClientRules | undefined {
  const entries = Object.entries(file.clients)
  if (entries.length === 0 && authorities.length === 0) return undefined
  const checks = new ClientChecks(file, authorities, served)
  for (const { id, networks = [] } of authorities)
    for (const [i, network] of networks.entries())
      checks.network(network, top.at('client-authorities', id, 'networks', i))
  const clients = entries.map(([id, entry]) => {
    const at = top.at('clients', id)
    checks.entry(entry, at)
    return clientOf(id, entry, at)
  })
  return { authorities, clients }
}

function clientOf(id: string, entry: ClientEntry, at: Location): ClientRule {
  return {
    id,
    position: at.keyPosition,
    network: entry.network,
    certificates: (entry.certificate ?? []).map(({ authority, uri, dns, subject }) => {
      if (uri !== undefined) return { authority, field: 'uri', value: uri }
      if (dns !== undefined) return { authority, field: 'dns', value: dns.toLowerCase() }
      return { authority, field: 'subject', value: subject!.replace(/, (?=[A-Za-z0-9.]+=)/g, ',') }
    }),
    labels: entry.sni ?? [],
    tokens: entry.token ?? [],
    devices: FACTS.flatMap(fact => (entry[fact] ?? []).map(value => ({ fact, value }))),
    unknownIn: entry['unknown-in'] ?? [],
    isRevoked: entry.revoked
  }
}

const FACTS = ['mac', 'user', 'group', 'host'] as const

class ClientChecks {
  private readonly seen = new Map<string, Location>()
  private readonly byId: ReadonlyMap<string, NetworkRules>
  private readonly authorityOf: ReadonlyMap<string, ClientAuthority>

  constructor(
    private readonly file: NetworksFile,
    authorities: readonly ClientAuthority[],
    served: readonly NetworkRules[]
  ) {
    this.byId = new Map(served.map(network => [network.id, network]))
    this.authorityOf = new Map(authorities.map(one => [one.id, one]))
  }

  network(id: string, at: Location): void {
    const { networks } = this.file
    if (Object.hasOwn(networks, id)) return
    at.error('RULES_UNKNOWN_NETWORK', at.pathText, id, didYouMean(id, Object.keys(networks)))
  }

  entry(entry: ClientEntry, at: Location): void {
    const { certificate = [], sni = [], token = [] } = entry
    this.network(entry.network, at.at('network'))
    for (const [i, network] of (entry['fewer-bans-than'] ?? []).entries())
      this.refuseFewerBans(entry.network, network, at.at('fewer-bans-than', i))
    for (const [i, one] of certificate.entries()) {
      const here = certificate.length === 1 ? at.at('certificate') : at.at('certificate', i)
      const { authority, uri, dns, subject } = one
      this.authority(authority, entry.network, here)
      this.unique(`certificate ${authority} ${uri ?? ''}\n${dns ?? ''}\n${subject ?? ''}`, here)
    }
    for (const [i, label] of sni.entries())
      this.unique(`sni ${label}`, sni.length === 1 ? at.at('sni') : at.at('sni', i))
    for (const [i, hash] of token.entries())
      this.unique(`token ${hash}`, token.length === 1 ? at.at('token') : at.at('token', i))
    this.device(entry, at)
  }

  /** The same fact at two clients is no error: the first one counts. But a MAC address is that of one device. */
  private device(entry: ClientEntry, at: Location): void {
    const { mac = [], 'unknown-in': networks = [] } = entry
    for (const [i, one] of mac.entries())
      this.unique(`mac ${one}`, mac.length === 1 ? at.at('mac') : at.at('mac', i))
    for (const [i, network] of networks.entries()) {
      this.network(network, at.at('unknown-in', i))
      this.unique(`unknown-in ${network}`, at.at('unknown-in', i))
    }
  }

  /** The key lifted bans until identity could only add some: says what to write instead. */
  private refuseFewerBans(own: string, than: string, at: Location): void {
    this.network(than, at)
    const [network, other] = [this.byId.get(own), this.byId.get(than)]
    if (network === undefined || other === undefined) return
    const needed = neededExceptions(network, other)
    const more = needed.length > MAX_LISTED ? ' and others' : ''
    const shown = `${needed.slice(0, MAX_LISTED).join(', ')}${more}`
    at.error('RULES_CLIENT_FEWER_BANS', at.pathText, own, than, shown)
  }

  private authority(id: string, network: string, at: Location): void {
    const authority = this.authorityOf.get(id)
    if (authority === undefined) {
      const known = [...this.authorityOf.keys()]
      const path = at.at('authority').pathText
      at.error('RULES_UNKNOWN_AUTHORITY', path, id, didYouMean(id, known))
    } else if (authority.networks?.includes(network) === false) {
      at.error('RULES_AUTHORITY_NETWORK', at.pathText, id, network)
    }
  }

  private unique(what: string, at: Location): void {
    const other = this.seen.get(what)
    if (other === undefined) this.seen.set(what, at)
    else at.error('RULES_CLIENT_TWICE', at.pathText, showPosition(other.messagePosition))
  }
}
