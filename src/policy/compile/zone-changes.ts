import { HashedName } from '../../wire/dns/name/hashed-name.js'
import { applyDataChanges, recordsAtLine, type DataChanges } from '../rules/lists/local-data.js'
import type { NamePolicy } from '../rules/lists/rpz/rpz-lines.js'
import type { LocalData } from '../rules/model/types.js'
import { entriesOf } from '../tables/entries.js'
import { NameTable } from '../tables/name-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import { allSources, type SourceSummary } from '../tables/source-table.js'
import type { Amendment, NameChange } from './amend.js'
import { mayChangeEnclosers, QNAME_RANK } from './encloser-changes.js'

const CNAME = 5

/** Policies for names that were removed from a zone and added to it, by their keys. */
export interface ZoneDelta {
  readonly removed: ReadonlyMap<string, NamePolicy>
  readonly added: ReadonlyMap<string, NamePolicy>
}

/**
 * Translates the changes of a zone into changes of a snapshot compiled from the zone's previous
 * version.
 *
 * @param list id of the list that consists of the zone
 * @returns undefined if everything has to be compiled: the zone has an action that it did not have
 *   before, the change concerns names below a wildcard, or the snapshot does not match the zone's
 *   previous version
 */
export function zoneChanges(
  snapshot: Snapshot,
  list: string,
  delta: ZoneDelta
): Pick<Amendment, 'names' | 'data'> | undefined {
  const own = allSources(snapshot.sources).all.filter(
    ({ id, kind }) => kind === 'list' && id === list
  )
  // No rule uses the list.
  if (own.length === 0) return { names: [], data: new Map() }
  if (mayChangeEnclosers(snapshot, own, [...delta.removed.values(), ...delta.added.values()]))
    return undefined
  const translator = new ZoneChangeTranslator(snapshot, own)
  const keys = new Set([...delta.removed.keys(), ...delta.added.keys()])
  for (const key of keys) {
    if (!translator.translate(delta.removed.get(key), delta.added.get(key))) return undefined
  }
  return { names: translator.names, data: translator.amendedData() }
}

class ZoneChangeTranslator {
  readonly names: NameChange[] = []
  private readonly lines = new Map<number, readonly Uint8Array[]>()
  private readonly data: LocalData | undefined
  private readonly table: NameTable
  private readonly hashed = new HashedName()

  constructor(
    private readonly snapshot: Snapshot,
    private readonly own: readonly SourceSummary[]
  ) {
    const { localData } = snapshot.sources
    this.table = new NameTable(snapshot.names)
    this.data = own.map(({ index }) => localData.get(index)).find(data => data !== undefined)
  }

  /** Translates the change of one name's policy; false if that is not possible. */
  translate(removed: NamePolicy | undefined, added: NamePolicy | undefined): boolean {
    const current = this.find((removed ?? added)!)
    if (current === undefined) return removed === undefined && this.add(added!)
    if (current === 'several') return false
    if (removed === undefined) return this.extend(current, added!)
    return this.remove(current, removed) && (added === undefined || this.add(added))
  }

  amendedData(): Amendment['data'] {
    const { data, lines } = this
    if (data === undefined || lines.size === 0) return new Map()
    return new Map([[data, applyDataChanges(data, lines satisfies DataChanges)]])
  }

  /** The policy that the snapshot has for a name from this zone. */
  private find({ name, cover }: NamePolicy): CurrentPolicy | undefined | 'several' {
    const { snapshot, hashed } = this
    hashed.set(name, 0, snapshot.names.seed)
    const entry = hashed.labels === 0 ? this.table.root : this.table.find(hashed, 0)
    const sources = entry === 0 ? [] : entriesOf(snapshot).sourcesOf(entry)
    const policies = sources.flatMap(({ ref, line }) => {
      const source = this.own.find(({ index }) => index === sourceOf(ref))
      const isMatch = source?.triggerRank === QNAME_RANK && coverOf(ref) === cover
      return isMatch ? [{ source, line }] : []
    })
    return policies.length > 1 ? 'several' : policies[0]
  }

  private add({ name, cover, action, line, records }: NamePolicy): boolean {
    const source = this.own.find(
      ({ triggerRank, part }) => triggerRank === QNAME_RANK && part === action
    )
    // A TCP-only policy is in two parts.
    if (source === undefined || action === 'truncate') return false
    this.names.push({ source: source.index, name, cover, line })
    if (action === 'data') this.lines.set(line, records)
    return true
  }

  /** Adds DNS records to a name that has some. */
  private extend({ source, line }: CurrentPolicy, { action, records }: NamePolicy): boolean {
    if (source.part !== 'data' || action !== 'data' || this.data === undefined) return false
    const all = [...recordsAtLine(this.data, line), ...records]
    // A CNAME beside other records is an error; which of them applies depends on their order.
    if (all.some(record => ((record[0]! << 8) | record[1]!) === CNAME)) return false
    this.lines.set(line, all)
    return true
  }

  /** Removes the whole policy of a name. */
  private remove(
    { source, line }: CurrentPolicy,
    { name, cover, action, records }: NamePolicy
  ): boolean {
    if (source.part !== action) return false
    if (action === 'data') {
      if (!areSame(recordsAtLine(this.data!, line), records)) return false
      this.lines.set(line, [])
    }
    this.names.push({ source: source.index, name, cover, line: undefined })
    return true
  }
}

/** The list part that holds a name's policy, and the line. */
interface CurrentPolicy {
  readonly source: SourceSummary
  readonly line: number
}

/** Whether these are the same records in any order. */
function areSame(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  const [a, b] = [one, other].map(records =>
    records
      .map(record => record.join())
      .sort()
      .join(';')
  )
  return a === b
}
