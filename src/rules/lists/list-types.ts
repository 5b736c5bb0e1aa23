import type { ListFormat } from './list-formats.js'
import type { Unsupported } from './line-reader.js'

/** A file of a list, read and unpacked. */
export interface ListFile {
  readonly octets: Uint8Array
  /** As the rules name it. */
  readonly file: string
  /** As messages do. */
  readonly displayName: string
}

/** What a file of a list was found to be: for people. */
export interface ListReport {
  readonly id: string
  readonly displayName: string
  readonly format: ListFormat
  /** By what it was recognised; undefined where the rules say the format. */
  readonly detectedBy: string | undefined
  /** Of names and addresses, repeated ones counted again. */
  readonly names: number
  /** Lines that are right and mean nothing here. */
  readonly unsupported: ReadonlyMap<Unsupported, number>
}
