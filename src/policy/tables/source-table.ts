import type { LocalData, NameSource } from '../rules/model/types.js'
import type { RecordBuffers } from './record-table.js'
import { ListPacker, unpackList, type PackedList, type PackedListBuffers } from './packed-list.js'

/** The name sources that some rule of some network refers to, without their names. */
export interface SourceTable {
  /** See `allSources`. */
  readonly list: PackedListBuffers
  readonly passes: PassTable
  /** DNS records that a list has for its names (RPZ local data), by index in `list`. */
  readonly localData: ReadonlyMap<number, LocalData>
  /** Local records of networks, by index in `list`. */
  readonly records: ReadonlyMap<number, RecordBuffers>
  /**
   * By number of the source: 1 if lookups of its names are logged whatever the decision, since a ban covers
   * them, or did in the last 90 days. Such a source decides nothing by that: see `Decision.logSource`.
   */
  readonly logged: Uint8Array
}

/** Which sources belong to the same list and to the same zone, by number of the source. See `PassingLists`. */
export interface PassTable {
  /** The number of its list; -1 for the list's pass entries, which stay. */
  readonly listOf: Int32Array
  /** The number of the rank in its list: the names of one zone. */
  readonly rankOf: Int32Array
  /** For a source of pass entries or enclosers: the number that it adds. */
  readonly addedBy: Int32Array
  /** How many numbers there are. */
  readonly size: number
}

/** A name source without its names. */
export interface SourceSummary {
  /** Its index in `SourceTable.list`. */
  readonly index: number
  readonly kind: NameSource['kind']
  /** Id of the app or list as in the rules: the parts of one list have the same. */
  readonly id: string
  /** Human-readable: what the list itself says about these names; '' if it leaves it to the rule. */
  readonly part: string
  /** Whether these are pass entries, which exclude names from what else the list contains. */
  readonly isPass: boolean
  /** Whether these are names at which a zone's search for a wildcard ends: see `ListPart.effect`. */
  readonly isEncloser: boolean
  /** As in `ListPart.triggerRank`. */
  readonly triggerRank: number | undefined
  readonly title: string
  readonly file: string
  /** Number of names and prefixes, duplicates included. */
  readonly names: number
  /** Checksum of those names and prefixes in any order: equal content has equal digests. */
  readonly digest: number
  /** Initial value for the digest of each of them. */
  readonly digestBasis: number
}

/** Whether the names of a source count as names of the rules. */
export function isCounted({ kind, isEncloser }: SourceSummary): boolean {
  return kind !== 'local' && kind !== 'logged' && kind !== 'record' && !isEncloser
}

export function packSources(sources: Iterable<SourceSummary>): PackedListBuffers {
  const packer = new ListPacker()
  for (const source of sources) packer.add(toRow(source))
  return packer.finish()
}

/** The name sources, by index. */
export function allSources({ list }: Pick<SourceTable, 'list'>): PackedList<SourceSummary> {
  return unpackList(list, fromRow)
}

type SourceRow = ReturnType<typeof toRow>

function toRow(source: SourceSummary) {
  const { index, kind, id, part, isPass, isEncloser, triggerRank, title, file } = source
  const flags = Number(isPass) + 2 * Number(isEncloser)
  const { names, digest, digestBasis } = source
  return [
    index,
    kind,
    id,
    part,
    flags,
    triggerRank ?? null,
    title,
    file,
    names,
    digest,
    digestBasis
  ] as const
}

function fromRow(row: SourceRow): SourceSummary {
  const [index, kind, id, part, flags, triggerRank, title, file, names, digest, digestBasis] = row
  const [isPass, isEncloser] = [(flags & 1) !== 0, (flags & 2) !== 0]
  const content = { title, file, names, digest, digestBasis }
  return {
    index,
    kind,
    id,
    part,
    isPass,
    isEncloser,
    triggerRank: triggerRank ?? undefined,
    ...content
  }
}
