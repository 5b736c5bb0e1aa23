import { extractIpv4, type Prefix } from '../../base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../base/values/prefix-table.js'
import type { Octets } from '../../base/units.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'

/**
 * Detects answers that give a public name a private address. By such an answer (DNS rebinding), a
 * page from the Internet makes a browser talk to servers inside the network.
 */
export class RebindingGuard {
  private readonly privatePrefixes: PrefixTable
  /** The IPv4 address inside an IPv6 address, in mapped form. */
  private readonly embedded = new Uint32Array(4)

  /**
   * @param prefixes private addresses; IPv4 ones also match where an IPv6 address embeds them: no
   *   public name has a reason to use one of those forms for a private address
   * @param exempt lower-cased wire forms: these names and all below may have private addresses
   */
  constructor(
    prefixes: readonly Prefix[],
    private readonly exempt: readonly Uint8Array[]
  ) {
    this.privatePrefixes = new PrefixTable(
      compilePrefixes(prefixes, covering => (covering.length > 0 ? 1 : 0))
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
    return (
      this.privatePrefixes.find(words, at) === 1 ||
      (extractIpv4(words, at, this.embedded) && this.privatePrefixes.find(this.embedded, 0) === 1)
    )
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
