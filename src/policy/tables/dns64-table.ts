import type { Prefix } from '../../base/values/address.js'
import { compilePrefixes, type PrefixTableBuffers } from '../../base/values/prefix-table.js'
import type { NetworkRules } from '../rules/model/types.js'

/** How AAAA records are made of A records for some networks. */
export interface Dns64Buffers {
  /** In front of the IPv4 address. RFC 6052 §2.2. */
  readonly prefix: Prefix
  /** Addresses in AAAA records that count as none; value 1. */
  readonly excludeAaaa: PrefixTableBuffers
  /** Addresses in A records of which nothing is made; value 1. */
  readonly excludeA: PrefixTableBuffers
}

export interface Dns64Table {
  readonly all: readonly Dns64Buffers[]
  /** For each network, its place in `all`; -1: none. */
  readonly ofNetworks: readonly number[]
}

/** Networks with the same prefix and exclusions share an entry. */
export function buildDns64(networks: readonly NetworkRules[]): Dns64Table {
  const known = new Map<string, number>()
  const all: Dns64Buffers[] = []
  const ofNetworks = networks.map(({ dns64 }) => {
    if (dns64 === undefined) return -1
    const key = JSON.stringify(dns64)
    const place = known.get(key)
    if (place !== undefined) return place
    known.set(key, all.length)
    const { prefix, excludeAaaa, excludeA } = dns64
    return all.push({ prefix, excludeAaaa: tableOf(excludeAaaa), excludeA: tableOf(excludeA) }) - 1
  })
  return { all, ofNetworks }
}

function tableOf(prefixes: readonly Prefix[]): PrefixTableBuffers {
  return compilePrefixes(prefixes, covering => (covering.length > 0 ? 1 : 0))
}
