import { isMapped, type Prefix } from '../base/address.js'
import { compilePrefixes, PrefixTable } from '../base/prefix-table.js'
import type { Octets } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import type { HashedName } from '../dns/name/hashed-name.js'

/**
 * IPv6 prefixes that embed an IPv4 address: NAT64 (64:ff9b::, RFC 6052 §2.1), 6to4 (2002::, RFC 3056
 * §2) and IPv4-compatible (::, RFC 4291 §2.5.5.1). The last two are obsolete; no public name has a
 * reason to use them for a private address.
 */
const EMBEDDING_PREFIXES = [
  Uint8Array.of(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0),
  Uint8Array.of(0x20, 0x02),
  new Uint8Array(12)
]
/** Bits before the IPv4 address in the mapped form. */
const MAPPED_BITS = 96

/**
 * Detects answers that give a public name a private address. By such an answer (DNS rebinding), a
 * page from the Internet makes a browser talk to servers inside the network.
 */
export class RebindingGuard {
  private readonly privatePrefixes: PrefixTable

  /**
   * @param prefixes private addresses; IPv4 ones also match where an IPv6 address embeds them
   * @param exempt lower-cased wire forms: these names and all below may have private addresses
   */
  constructor(
    prefixes: readonly Prefix[],
    private readonly exempt: readonly Uint8Array[]
  ) {
    const all = [...prefixes, ...prefixes.filter(isIpv4).flatMap(embedded)]
    this.privatePrefixes = new PrefixTable(
      compilePrefixes(all, covering => (covering.length > 0 ? 1 : 0))
    )
  }

  /** Whether the answer contains a private address that this name may not have. No allocation. */
  blocks(qname: HashedName, { addresses }: Answer): boolean {
    for (let at = 0; at < addresses.length; at += 4) {
      if (this.isPrivate(addresses, at)) return !this.isExempt(qname)
    }
    return false
  }

  /** Whether the address in `words[at, at + 4)` is private. */
  isPrivate(words: Uint32Array, at: number): boolean {
    return this.privatePrefixes.find(words, at) === 1
  }

  /** A linear search: exemptions are few, and only private addresses get here. */
  private isExempt(qname: HashedName): boolean {
    for (const name of this.exempt) if (isAtOrBelow(qname, name)) return true
    return false
  }
}

function isAtOrBelow(qname: HashedName, name: Uint8Array): boolean {
  const start: Octets = qname.length - name.length
  let isLabel = start === qname.length - 1
  for (let label = 0; label < qname.labels; label++) isLabel ||= qname.starts[label] === start
  if (!isLabel) return false
  for (let i = 0; i < name.length; i++) if (qname.octets[start + i] !== name[i]) return false
  return true
}

function isIpv4({ address, length }: Prefix): boolean {
  return length >= MAPPED_BITS && isMapped(address)
}

function embedded({ address, length }: Prefix): Prefix[] {
  return EMBEDDING_PREFIXES.map(before => {
    const whole = new Uint8Array(16)
    whole.set(before)
    whole.set(address.subarray(12), before.length)
    return { address: whole, length: 8 * before.length + length - MAPPED_BITS }
  })
}
