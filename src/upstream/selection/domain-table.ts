import { HashedName } from '../../dns/name/hashed-name.js'
import type { UpstreamGroup } from '../query/upstream-query.js'

type DomainEntry = { readonly octets: Uint8Array; readonly group: UpstreamGroup }

/** Which upstreams are asked for which names: the longest suffix in the table wins. */
export class DomainTable {
  private readonly byHash = new Map<number, DomainEntry[]>()
  private readonly name = new HashedName()
  private defaultGroup: UpstreamGroup

  /**
   * @param fallback for names below none of the domains
   * @param seed of the hashes: random, so that nobody can prepare names that collide
   */
  constructor(
    fallback: UpstreamGroup,
    private readonly seed: number
  ) {
    this.defaultGroup = fallback
  }

  /** @param domain wire form, any case, root label included; it stands for all below it too */
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

  /** @param question QNAME in any case, and whatever comes behind it */
  find(question: Uint8Array): UpstreamGroup {
    const { name, byHash } = this
    if (byHash.size === 0) return this.defaultGroup
    name.set(question, 0, this.seed)
    for (let label = 0; label < name.labels; label++) {
      const domains = byHash.get(name.hashes[label]!)
      const domain = domains?.find(({ octets }) => isSuffix(octets, name, label))
      if (domain !== undefined) return domain.group
    }
    return this.defaultGroup
  }
}

function isSuffix(octets: Uint8Array, name: HashedName, label: number): boolean {
  const start = name.starts[label]!
  if (octets.length !== name.length - start) return false
  for (let i = 0; i < octets.length; i++) if (octets[i] !== name.octets[start + i]) return false
  return true
}
