import type { Seconds } from '../../base/units.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import type { NameChange } from '../../policy/compile/amend.js'
import { keptList } from '../../policy/compile/kept-list.js'
import { expiredAt, nextListExpiry, type Expired } from '../../policy/rules/model/expiries.js'
import type { ListState } from '../../policy/rules/lists/load-list.js'
import { entriesAtLines, entriesOf } from '../../policy/tables/entries.js'
import { NameTable } from '../../policy/tables/name-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { coverOf, sourceOf } from '../../policy/tables/source-sets.js'
import { allSources } from '../../policy/tables/source-table.js'

/** A source of a snapshot in which something has expired. */
interface ExpiredSource extends Expired {
  readonly list: string
  /** Its index in the snapshot. */
  readonly index: number
}

/** The changes of a snapshot that remove the names that have expired. */
export function expiredNames(
  snapshot: Snapshot,
  lists: readonly ListState[],
  now: Seconds
): readonly NameChange[] {
  return expiredSources(snapshot, lists, now).flatMap(source => namesOf(snapshot, source))
}

/**
 * Lists that have to be read for something to expire: with addresses, of which single ones cannot be removed from a
 * snapshot, or with a source of which nothing would be left.
 */
export function unremovableLists(
  snapshot: Snapshot,
  lists: readonly ListState[],
  now: Seconds
): ReadonlySet<string> {
  const sources = allSources(snapshot.sources)
  const isUnremovable = ({ index, lines, hasAddresses }: ExpiredSource): boolean =>
    hasAddresses || lines.size >= sources.at(index)!.names
  return new Set(
    expiredSources(snapshot, lists, now)
      .filter(isUnremovable)
      .map(({ list }) => list)
  )
}

/** The lists once `expiredNames` are removed. */
export function withoutExpired(lists: readonly ListState[], now: Seconds): readonly ListState[] {
  if (nextListExpiry(lists) > now) return lists
  return lists.map(list => {
    const parts = list.parts.map(part => {
      const expired = expiredAt(part.expiries, now)
      return expired === undefined ? part : { ...part, expiries: expired.rest }
    })
    return { ...list, parts }
  })
}

/**
 * Lists that were read again while their names in the active snapshot stay: what has expired since is in the snapshot, and
 * is yet to be removed.
 *
 * @param active as they were read for the snapshot
 */
export function withActiveParts(
  lists: readonly ListState[],
  active: readonly ListState[]
): readonly ListState[] {
  return lists.map(list => {
    const { parts = list.parts } = active.find(({ id }) => id === list.id) ?? {}
    return { ...list, parts }
  })
}

function expiredSources(
  snapshot: Snapshot,
  lists: readonly ListState[],
  now: Seconds
): readonly ExpiredSource[] {
  return lists.flatMap(list => {
    if (nextListExpiry([list]) > now) return []
    // No rule uses a list that is not in the snapshot.
    const { sources = [] } = keptList(snapshot, lists, { id: list.id, isUsed: true }, list) ?? {}
    return sources.flatMap(({ index, expiries }) => {
      const expired = expiredAt(expiries, now)
      return expired === undefined ? [] : [{ list: list.id, index, ...expired }]
    })
  })
}

function namesOf(snapshot: Snapshot, { index, lines }: ExpiredSource): readonly NameChange[] {
  const entries = entriesOf(snapshot)
  const table = new NameTable(snapshot.names)
  const hashed = new HashedName()
  const changes: NameChange[] = []
  for (const entry of entriesAtLines(snapshot.names.entries, index, lines)) {
    const content = entries.contentOf(entry)
    if (!('name' in content)) continue
    const { name } = content
    hashed.set(name, 0, snapshot.names.seed)
    // The entry of a name that was removed earlier.
    if (table.find(hashed, 0) !== entry) continue
    for (const { ref, line } of entries.sourcesOf(entry))
      if (sourceOf(ref) === index && lines.has(line))
        changes.push({ source: index, name, cover: coverOf(ref), line: undefined })
  }
  return changes
}
