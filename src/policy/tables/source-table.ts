import type { LocalData, NameSource } from '../../rules/model/types.js'

/** The name sources that some rule of some network refers to, without their names. */
export interface SourceTable {
  readonly all: readonly SourceSummary[]
  /** DNS records that a list has for its names (RPZ local data), by index in `all`. */
  readonly localData: ReadonlyMap<number, LocalData>
}

/** A name source without its names. */
export interface SourceSummary {
  /** Its index in `SourceTable.all`. */
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
  /** As in `ListPart.stage`. */
  readonly stage: number | undefined
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
  return kind !== 'local' && !isEncloser
}
