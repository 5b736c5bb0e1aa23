import { isMapped, type Prefix } from '../base/address.js'
import type { Octets } from '../base/units.js'
import { compilePrefixes, PrefixTable } from '../network/prefix-table.js'
import type { Answer } from '../wire/answer.js'
import type { HashedName } from '../wire/hashed-name.js'

/** 64:ff9b::, under which translators reach any IPv4 address. RFC 6052 §2.1. */
const NAT64 = Uint8Array.of(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0)

/**
 * Finds answers of upstreams that give a public name an address inside: with one, a page from
 * outside has a browser inside talk to servers that are not open to the outside.
 */
export class RebindingGuard {
  private readonly inside: PrefixTable

  /**
   * @param prefixes addresses inside; IPv4 ones as IPv4-mapped and NAT64 addresses too
   * @param exempt lower-cased wire forms: these names may have such addresses, and all below them
   */
  constructor(
    prefixes: readonly Prefix[],
    private readonly exempt: readonly Uint8Array[]
  ) {
    const all = [...prefixes, ...prefixes.filter(isIpv4).map(translated)]
    this.inside = new PrefixTable(compilePrefixes(all, covering => (covering.length > 0 ? 1 : 0)))
  }

  /** Whether the answer gives this name an address that it may not have. Allocates nothing. */
  catches(qname: HashedName, { addresses }: Answer): boolean {
    for (let at = 0; at < addresses.length; at += 4) {
      if (this.inside.find(addresses, at) === 1) return !this.isExempt(qname)
    }
    return false
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
  return length >= 96 && isMapped(address)
}

function translated({ address, length }: Prefix): Prefix {
  return { address: Uint8Array.from([...NAT64, ...address.subarray(12)]), length }
}
