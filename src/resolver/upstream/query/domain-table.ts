import { HashedName } from '../../../wire/dns/name/hashed-name.js'
import type { UpstreamGroup } from './upstream-query.js'

type DomainEntry = { readonly octets: Uint8Array; readonly group: UpstreamGroup }

/** Upstream groups by domain: the longest suffix in the table wins. */
export class DomainTable {
  private readonly byHash = new Map<number, DomainEntry[]>()
  private readonly name = new HashedName()
  private defaultGroup: UpstreamGroup

  /**
   * @param defaultGroup for names in none of the domains
   * @param seed of the hashes; random, so that names that collide cannot be prepared
   */
  constructor(
    defaultGroup: UpstreamGroup,
    private readonly seed: number
  ) {
    this.defaultGroup = defaultGroup
  }

  /** @param domain wire form, any case, root label included; covers all names below */
  add(domain: Uint8Array, group: UpstreamGroup): void {
    const { name, byHash } = this
    name.set(domain, 0, this.seed)
    if (name.labels === 0) {
      this.defaultGroup = group
      return
    }
    const hash = name.hashes[0]!
    const entry = { octets: name.octets.slice(0, name.length), group }
    byHash.set(hash, [...(byHash.get(hash) ?? []), entry])
  }

  /** @param question begins with QNAME, in any case */
  find(question: Uint8Array): UpstreamGroup {
    return this.findDomain(question) ?? this.defaultGroup
  }

  /** As `find`; undefined: the name is in none of the domains. */
  findDomain(question: Uint8Array): UpstreamGroup | undefined {
    const { name, byHash } = this
    if (byHash.size === 0) return undefined
    name.set(question, 0, this.seed)
    for (let label = 0; label < name.labels; label++) {
      const domains = byHash.get(name.hashes[label]!)
      const domain = domains?.find(({ octets }) => isSuffix(octets, name, label))
      if (domain !== undefined) return domain.group
    }
    return undefined
  }
}

function isSuffix(octets: Uint8Array, name: HashedName, label: number): boolean {
  const start = name.starts[label]!
  if (octets.length !== name.length - start) return false
  for (let i = 0; i < octets.length; i++) if (octets[i] !== name.octets[start + i]) return false
  return true
}
