import { isMapped, showPrefix } from '../../../base/values/address.js'
import type { Location } from '../model/location.js'
import type { AddressEntry } from '../schema/app-schema.js'
import type { NetworkEntry } from '../schema/networks-schema.js'

/** Shortest prefixes that have a use: 10.0.0.0/8 and fc00::/7, in bits of 16 octets. */
const MIN_BITS = { IPv4: 96 + 8, IPv6: 7 } as const

/**
 * Warns of prefixes such as 0.0.0.0/0: of networks, and among the addresses that rules match.
 *
 * @param location of the network
 */
export function warnAboutWidePrefixes(network: NetworkEntry, location: Location): void {
  warn(network.prefixes, location.at('prefixes'), CLIENTS)
  for (const kind of ['bans', 'allow', 'block'] as const) {
    for (const [i, entry] of network[kind].entries()) {
      if ('addresses' in entry && entry.addresses.length > 0)
        warn(entry.addresses, location.at(kind, i, 'addresses'), ANSWERS)
    }
  }
}

const CLIENTS = 'clients everywhere, and the gateway answers whoever reaches it (an open resolver)'
const ANSWERS = 'the addresses of most names'

function warn(prefixes: readonly AddressEntry[], location: Location, covers: string): void {
  for (const [i, prefix] of prefixes.entries()) {
    if ('asn' in prefix) continue
    const { address, length } = prefix
    const family = isMapped(address) && length >= 96 ? 'IPv4' : 'IPv6'
    if (length >= MIN_BITS[family]) continue
    const at = location.at(i)
    at.warn('RULES_PREFIX_WIDE', at.pathText, showPrefix(prefix), covers)
  }
}
