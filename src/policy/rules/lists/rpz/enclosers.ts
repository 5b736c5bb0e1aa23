import { HashedName } from '../../../../wire/dns/name/hashed-name.js'
import { COVER } from '../../model/types.js'
import { nameKey, PackedNames } from '../packed-names.js'

/** Hashes of names are compared within one zone only, so they need no secret seed. */
const SEED = 0

/**
 * The names of a zone that exist below one of its wildcards: owners, and names that only have others
 * below them (empty non-terminals). A wildcard covers neither them nor names below them, because the
 * search for one ends at the closest encloser. RFC 4592 §2.2.2, §3.3.1.
 *
 * @param groups all owners of the zone; an owner `*.name` as `name` with the cover `below`
 * @returns each name once, with the cover `suffix` and the line of an owner that makes it exist
 */
export function closestEnclosers(groups: Iterable<PackedNames>): PackedNames {
  const all = [...groups]
  const enclosers = new PackedNames()
  const wildcards = new WildcardBases(all)
  if (wildcards.isEmpty) return enclosers
  const known = new Set<string>()
  const hashed = new HashedName()
  for (const names of all) {
    names.forEach((octets, at, length, _cover, line) => {
      hashed.set(octets, at, SEED)
      const highest = wildcards.highestAbove(hashed)
      for (let label = 0; label < highest; label++) {
        const start = hashed.starts[label]!
        const key = nameKey(octets, at + start, length - start)
        // Its ancestors were added with it.
        if (known.has(key)) return
        known.add(key)
        enclosers.add(octets, at + start, length - start, COVER.suffix, line)
      }
    })
  }
  return enclosers
}

/** The names directly above the wildcards of a zone. */
class WildcardBases {
  /**
   * A million names as text would take 60 MB. If two names have the same hash, an encloser too many
   * is found, which has no effect: there is no wildcard above it.
   */
  private readonly hashes = new Set<number>()
  private hasRoot = false

  constructor(groups: readonly PackedNames[]) {
    const hashed = new HashedName()
    for (const names of groups) {
      names.forEach((octets, at, _length, cover) => {
        if (cover !== COVER.below) return
        hashed.set(octets, at, SEED)
        if (hashed.labels === 0) this.hasRoot = true
        else this.hashes.add(hashed.hashes[0]!)
      })
    }
  }

  get isEmpty(): boolean {
    return this.hashes.size === 0 && !this.hasRoot
  }

  /** The last label of a name at which a base above it begins; 0 if there is none. */
  highestAbove({ labels, hashes }: HashedName): number {
    if (this.hasRoot) return labels
    for (let label = labels - 1; label > 0; label--) {
      if (this.hashes.has(hashes[label]!)) return label
    }
    return 0
  }
}
