import { isMapped, type Prefix } from '../base/address.js'
import { compilePrefixes, PrefixTable } from '../base/prefix-table.js'
import type { Octets } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import type { HashedName } from '../dns/name/hashed-name.js'

/**
 * What stands before an IPv4 address in an IPv6 address that may lead to it: where translators
 * reach any (64:ff9b::, RFC 6052 §2.1), 6to4 (2002::, RFC 3056 §2), and IPv4-compatible (::, RFC
 * 4291 §2.5.5.1). The last two are hardly used any more, by names outside for addresses inside
 * never rightly.
 */
const EMBEDDING_PREFIXES = [
  Uint8Array.of(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0),
  Uint8Array.of(0x20, 0x02),
  new Uint8Array(12)
]
/** Bits before the IPv4 address in the mapped form. */
const MAPPED_BITS = 96

/**
 * Finds answers of upstreams that give a public name an address inside: with one, a page from
 * outside has a browser inside talk to servers that are not open to the outside.
 */
export class RebindingGuard {
  private readonly privatePrefixes: PrefixTable

  /**
   * @param prefixes addresses inside; IPv4 ones wherever they stand in an IPv6 address, too
   * @param exempt lower-cased wire forms: these names may have such addresses, and all below them
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

  /** Whether the answer gives this name an address that it may not have. Allocates nothing. */
  blocks(qname: HashedName, { addresses }: Answer): boolean {
    for (let at = 0; at < addresses.length; at += 4) {
      if (this.isPrivate(addresses, at)) return !this.isExempt(qname)
    }
    return false
  }

  /** Whether the address in `words[at, at + 4)` is inside. */
  isPrivate(words: Uint32Array, at: number): boolean {
    return this.privatePrefixes.find(words, at) === 1
  }

  /** They are few, and only looked at for addresses inside. */
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
