import { HashedName } from '../../wire/dns/name/hashed-name.js'
import type { NamePolicy } from '../rules/lists/rpz/rpz-lines.js'
import { COVER, type CoverCode } from '../rules/model/types.js'
import { entriesOf, namesBelow } from '../tables/entries.js'
import { NameTable } from '../tables/name-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import type { SourceSummary } from '../tables/source-table.js'

/** The rank of QNAME triggers in a response policy zone. */
export const QNAME_RANK = 1
/** Each changed wildcard is compared with every stored name: so many take about 0.1 s of a million. */
const MAX_WILDCARDS = 64

/**
 * Whether changes of a zone may add or remove enclosers (see `ListPart.effect`): some name is, or would
 * be, below a wildcard of the zone.
 *
 * @param own the parts of the list that consists of the zone
 * @param changed the policies that were added or removed
 */
export function mayChangeEnclosers(
  snapshot: Snapshot,
  own: readonly SourceSummary[],
  changed: readonly NamePolicy[]
): boolean {
  const wildcards = changed.filter(({ cover }) => cover === COVER.below).map(({ name }) => name)
  if (wildcards.length > MAX_WILDCARDS) return true
  const indices = new Set(own.filter(it => it.triggerRank === QNAME_RANK).map(({ index }) => index))
  const entries = entriesOf(snapshot)
  const lists = (entry: number, cover?: CoverCode): boolean =>
    entries
      .sourcesOf(entry)
      .some(
        ({ ref }) => indices.has(sourceOf(ref)) && (cover === undefined || coverOf(ref) === cover)
      )
  if (changed.some(({ name }) => ancestors(snapshot, name).some(it => lists(it, COVER.below))))
    return true
  if (changed.some(({ name }) => wildcards.some(base => isBelow(name, base)))) return true
  for (const entry of namesBelow(snapshot.names.entries, wildcards)) if (lists(entry)) return true
  return false
}

/** The entries of the names above a name. */
function ancestors({ names }: Snapshot, name: Uint8Array): number[] {
  const table = new NameTable(names)
  const hashed = new HashedName()
  hashed.set(name, 0, names.seed)
  if (hashed.labels === 0) return []
  const above = Array.from({ length: hashed.labels - 1 }, (_, i) => table.find(hashed, i + 1))
  return [...above, table.root].filter(entry => entry !== 0)
}

function isBelow(name: Uint8Array, base: Uint8Array): boolean {
  let at = 0
  while (name.length - at > base.length) at += 1 + name[at]!
  return at > 0 && Buffer.from(name.subarray(at)).equals(base)
}
