import { HashedName } from '../../dns/name/hashed-name.js'
import { amendData, dataAt, type DataChanges } from '../../rules/lists/local-data.js'
import type { NamePolicy } from '../../rules/lists/rpz/rpz-lines.js'
import type { LocalData } from '../../rules/model/types.js'
import { entriesOf } from '../evaluate/matched-rule.js'
import { NameTable } from '../tables/name-table.js'
import type { Snapshot, SourceSummary } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import type { Amendment, NameChange } from './amend.js'

/** Of a transferred zone, which is all of its list: the stage of policies for names. */
const QNAME_STAGE = 1
const CNAME = 5

/** Policies for names that a zone no longer has, and that it has now, by their keys. */
export interface ZoneDelta {
  readonly removed: ReadonlyMap<string, NamePolicy>
  readonly added: ReadonlyMap<string, NamePolicy>
}

/**
 * What a change of a zone does to a snapshot in which the zone is as it was before.
 *
 * @param list id of the list that is the zone
 * @returns undefined where it takes more than names of actions that the zone had before, or where the
 *   zone was not what the change says: then all is to be compiled
 */
export function zoneChanges(
  snapshot: Snapshot,
  list: string,
  delta: ZoneDelta
): Pick<Amendment, 'names' | 'data'> | undefined {
  const own = snapshot.sources.filter(({ id, kind }) => kind === 'list' && id === list)
  // A list that no rule is on.
  if (own.length === 0) return { names: [], data: new Map() }
  const changes = new ZoneChangeReader(snapshot, own)
  const keys = new Set([...delta.removed.keys(), ...delta.added.keys()])
  for (const key of keys) {
    if (!changes.take(delta.removed.get(key), delta.added.get(key))) return undefined
  }
  return { names: changes.names, data: changes.amendedData() }
}

class ZoneChangeReader {
  readonly names: NameChange[] = []
  private readonly lines = new Map<number, readonly Uint8Array[]>()
  private readonly data: LocalData | undefined
  private readonly table: NameTable
  private readonly hashed = new HashedName()

  constructor(
    private readonly snapshot: Snapshot,
    private readonly own: readonly SourceSummary[]
  ) {
    this.table = new NameTable(snapshot.tables.names)
    this.data = own.map(({ index }) => snapshot.data.get(index)).find(data => data !== undefined)
  }

  /** Whether what is said of one name can be changed so. */
  take(removed: NamePolicy | undefined, added: NamePolicy | undefined): boolean {
    const had = this.find((removed ?? added)!)
    if (had === undefined) return removed === undefined && this.add(added!)
    if (had === 'several') return false
    if (removed === undefined) return this.extend(had, added!)
    return this.remove(had, removed) && (added === undefined || this.add(added))
  }

  amendedData(): Amendment['data'] {
    const { data, lines } = this
    if (data === undefined || lines.size === 0) return new Map()
    return new Map([[data, amendData(data, lines satisfies DataChanges)]])
  }

  /** What the zone says of a name now. */
  private find({ name, cover }: NamePolicy): CurrentPolicy | undefined | 'several' {
    const { snapshot, hashed } = this
    hashed.set(name, 0, snapshot.seed)
    const record = hashed.labels === 0 ? this.table.root : this.table.find(hashed, 0)
    const members = record === 0 ? [] : entriesOf(snapshot).sourcesOf(record)
    const had = members.flatMap(({ ref: member, line }) => {
      const source = this.own.find(({ index }) => index === sourceOf(member))
      const isIt = source?.stage === QNAME_STAGE && coverOf(member) === cover
      return isIt ? [{ source, line }] : []
    })
    return had.length > 1 ? 'several' : had[0]
  }

  private add({ name, cover, action, line, records }: NamePolicy): boolean {
    const source = this.own.find(({ stage, part }) => stage === QNAME_STAGE && part === action)
    if (source === undefined) return false
    this.names.push({ source: source.index, name, cover, line })
    if (action === 'data') this.lines.set(line, records)
    return true
  }

  /** More records of a name that has some. */
  private extend({ source, line }: CurrentPolicy, { action, records }: NamePolicy): boolean {
    if (source.part !== 'data' || action !== 'data' || this.data === undefined) return false
    const all = [...dataAt(this.data, line), ...records]
    // With another record it is wrong, and which of them holds depends on which was first.
    if (all.some(record => ((record[0]! << 8) | record[1]!) === CNAME)) return false
    this.lines.set(line, all)
    return true
  }

  /** All that was said of a name. */
  private remove(
    { source, line }: CurrentPolicy,
    { name, cover, action, records }: NamePolicy
  ): boolean {
    if (source.part !== action) return false
    if (action === 'data') {
      if (!areSame(dataAt(this.data!, line), records)) return false
      this.lines.set(line, [])
    }
    this.names.push({ source: source.index, name, cover, line: undefined })
    return true
  }
}

interface CurrentPolicy {
  readonly source: SourceSummary
  readonly line: number
}

/** Whether they are the same, in whatever order. */
function areSame(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  const [a, b] = [one, other].map(records =>
    records
      .map(record => record.join())
      .sort()
      .join(';')
  )
  return a === b
}
