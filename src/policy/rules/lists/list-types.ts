import type { ListFormat } from '../model/list-format.js'
import type { Unsupported } from './line-reader.js'

/** A list file, decompressed. */
export interface ListFile {
  readonly octets: Uint8Array
  /** Its name in the rules and in the query log. */
  readonly file: string
  /** Its name in messages. */
  readonly displayName: string
}

/** Summary of a list file, for users. */
export interface ListReport {
  readonly id: string
  readonly displayName: string
  readonly format: ListFormat
  /** How the format was detected; undefined: the rules specify it. */
  readonly detectedBy: string | undefined
  /** Number of names and addresses, duplicates included. */
  readonly names: number
  /** Valid lines that cannot be applied here. */
  readonly unsupported: ReadonlyMap<Unsupported, number>
}

/** The entries of a list. Those that have expired count: that they leave is no sign of a broken file. */
export function countEntries(reports: readonly ListReport[]): number {
  return reports.reduce(
    (sum, { names, unsupported }) => sum + names + (unsupported.get('expired indicators') ?? 0),
    0
  )
}
