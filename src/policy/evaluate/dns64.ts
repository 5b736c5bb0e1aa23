import type { Octets, Seconds } from '../../base/units.js'
import { PrefixTable } from '../../base/values/prefix-table.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { readName } from '../../wire/dns/name/name.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { Dns64Buffers } from '../tables/dns64-table.js'

/** Bits 64 to 71, which stay zero. RFC 6052 §2.2. */
const RESERVED_OCTET = 8
const ADDRESS_SIZE: Octets = 16
/** Two nibbles for each octet of an address, each a label of one character. RFC 3596 §2.5. */
const NIBBLES = 2 * ADDRESS_SIZE
const IP6_ARPA = readName('ip6.arpa')
const IN_ADDR_ARPA = readName('in-addr.arpa')

const DISCOVERY_NAME = readName('ipv4only.arpa')
/** 192.0.0.170 and 192.0.0.171. RFC 7050 §2.2. */
const DISCOVERY_ADDRESSES = [0xc00000aa, 0xc00000ab]
/** RFC 8880 §7.1: the addresses never change. */
const DISCOVERY_TTL: Seconds = 3600

/** Makes IPv6 addresses of IPv4 addresses for one NAT64 prefix, and finds those again. RFC 6147, RFC 6052. */
export class Dns64 {
  /** A and AAAA records of `ipv4only.arpa`, as `encodeRecords` takes them. */
  readonly discoveryRecords: Uint8Array
  private readonly prefix: Uint8Array
  private readonly prefixOctets: Octets
  private readonly excludedAaaa: PrefixTable
  private readonly excludedA: PrefixTable
  private readonly octets = new Uint8Array(ADDRESS_SIZE)

  constructor({ prefix, excludeAaaa, excludeA }: Dns64Buffers) {
    this.prefix = prefix.address
    this.prefixOctets = prefix.length / 8
    this.excludedAaaa = new PrefixTable(excludeAaaa)
    this.excludedA = new PrefixTable(excludeA)
    this.discoveryRecords = Uint8Array.from(
      DISCOVERY_ADDRESSES.flatMap(ipv4 => [
        ...[0, RRTYPE.A, 0, 0, DISCOVERY_TTL >> 8, DISCOVERY_TTL & 0xff, 0, 4],
        ...[ipv4 >>> 24, (ipv4 >>> 16) & 0xff, (ipv4 >>> 8) & 0xff, ipv4 & 0xff],
        ...[0, RRTYPE.AAAA, 0, 0, DISCOVERY_TTL >> 8, DISCOVERY_TTL & 0xff, 0, ADDRESS_SIZE],
        ...this.embed(ipv4)
      ])
    )
  }

  /** Whether the address of an AAAA record counts as none. RFC 6147 §5.1.4. */
  excludesAaaa(words: Uint32Array, at: number): boolean {
    return this.excludedAaaa.find(words, at) === 1
  }

  /** Whether nothing is made of the address of an A record. @param words in mapped form */
  excludesA(words: Uint32Array, at: number): boolean {
    return this.excludedA.find(words, at) === 1
  }

  /** The address for an IPv4 address, in memory that the next call reuses. */
  embed(ipv4: number): Uint8Array {
    const { octets, prefix, prefixOctets } = this
    octets.set(prefix)
    let at = prefixOctets
    for (let shift = 24; shift >= 0; shift -= 8) {
      if (at === RESERVED_OCTET) at++
      octets[at++] = (ipv4 >>> shift) & 0xff
    }
    return octets
  }

  /** Whether this is the name by which clients find out the prefix. RFC 7050 §2.2. */
  isDiscoveryName({ octets, length }: HashedName): boolean {
    return length === DISCOVERY_NAME.length && DISCOVERY_NAME.every((it, i) => it === octets[i])
  }

  /**
   * Finds the reverse name of the IPv4 address in that of an address with the prefix. RFC 6147 §5.3.1.
   *
   * @param into filled with the name below in-addr.arpa
   * @returns its length; 0: not such an address
   */
  reverseName({ octets, length, labels }: HashedName, into: Uint8Array): Octets {
    const end = 2 * NIBBLES
    if (labels !== NIBBLES + 2 || length !== end + IP6_ARPA.length) return 0
    if (!IP6_ARPA.every((it, i) => it === octets[end + i])) return 0
    const address = new Uint8Array(ADDRESS_SIZE)
    for (let i = 0; i < NIBBLES; i++) {
      const digit = parseInt(String.fromCharCode(octets[2 * i + 1]!), 16)
      if (octets[2 * i] !== 1 || Number.isNaN(digit)) return 0
      address[ADDRESS_SIZE - 1 - (i >> 1)]! |= i % 2 === 0 ? digit : digit << 4
    }
    return this.writeReverse(address, into)
  }

  private writeReverse(address: Uint8Array, into: Uint8Array): Octets {
    const ipv4: number[] = []
    for (let at = this.prefixOctets; ipv4.length < 4; at++)
      if (at !== RESERVED_OCTET) ipv4.push(address[at]!)
    const [a, b, c, d] = ipv4 as [number, number, number, number]
    const whole = this.embed(((a << 24) | (b << 16) | (c << 8) | d) >>> 0)
    if (!whole.every((octet, i) => octet === address[i])) return 0
    let at = 0
    for (const octet of ipv4.toReversed()) {
      const text = Buffer.from(String(octet))
      into[at] = text.length
      into.set(text, at + 1)
      at += 1 + text.length
    }
    into.set(IN_ADDR_ARPA, at)
    return at + IN_ADDR_ARPA.length
  }
}
