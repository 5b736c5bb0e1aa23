import type { Prefix } from '../../base/address.js'
import type { Octets } from '../../base/units.js'
import type { Action, QtypeSet } from '../model/types.js'
import type { ListText } from './list-text.js'

/**
 * Lines that are right where they come from and cannot mean anything here, by kind. What people are
 * told of them: `12 regular expressions`.
 */
export type Unsupported =
  | 'regular expressions'
  | 'names with wildcards inside'
  | 'parts of names'
  | 'whole top-level domains'
  | 'rules for parts of pages'
  | 'rules for URLs'
  | 'rules with modifiers for browsers'
  | 'rules for tagged clients'
  | 'rules for clients that are no network here'
  | 'exceptions that except something'
  | 'answers of other kinds'
  | 'names that are asked for elsewhere'
  | 'other settings'
  | 'other lists'
  | 'policies for name servers'
  | 'DNAME and DS records'

/** What a line says of a name, where that is not simply that the list blocks it. */
export interface ListAction {
  /**
   * What is said in a higher layer of a name holds for all below it, whatever a lower layer says
   * there. Inside a layer the longest name decides.
   */
  readonly layer: number
  /**
   * `rule` what the rule on the list does; `pass` that the list does not mean the name; `data` what
   * the records say that are given with each name; `back` that what layers from this one on down to
   * `DATA_LAYER` say is taken back; or an answer
   */
  readonly action: 'rule' | 'pass' | 'data' | 'back' | Action
  readonly qtypes?: QtypeSet | undefined
  readonly prefixes?: readonly Prefix[] | undefined
}

/** Layers from this one on are what `back` takes back. */
export const DATA_LAYER = 4

/** Where what a list says goes. Nothing may be kept of `octets`. */
export interface ListSink {
  /** A name that the list blocks, in lower-cased wire form; `cover` is one of `COVER`. */
  blockName(octets: Uint8Array, at: Octets, length: Octets, cover: number, line: number): void
  /**
   * Something else that it says of a name.
   *
   * @param name in lower-cased wire form; there may be more behind it
   * @param record for `data`: TYPE, RDLENGTH and RDATA; a name comes again with each of its records
   */
  addName(
    saying: ListAction,
    name: Uint8Array,
    cover: number,
    line: number,
    record?: Uint8Array
  ): void
  /** That the very rule is void, wherever it stands; undefined: a rule that blocks. */
  disable(saying: ListAction | undefined, name: Uint8Array, cover: number): void
  /** Addresses that the list means where they appear in an answer. */
  addPrefix(saying: ListAction | undefined, prefix: Prefix, line: number): void
  /** A line that is not what the format has; `column` from 1. */
  skipLine(line: number, column: number, why: string): void
  countUnsupported(kind: Unsupported): void
}

/** Reads lines of one format. */
export interface LineReader {
  /** Reads the line at hand. @returns false where there is nothing in it but blanks and comments */
  read(text: ListText, sink: ListSink): boolean
}
