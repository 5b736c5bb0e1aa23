import type { Prefix } from '../../../base/values/address.js'
import type { Octets, Seconds } from '../../../base/units.js'
import type { Action, QtypeSet, CoverCode } from '../model/types.js'
import type { Tlp } from '../model/tlp.js'
import type { ListText } from './list-text.js'

/** Kinds of valid lines that cannot be applied here. Shown to users: `12 regular expressions`. */
export type Unsupported =
  | 'regular expressions'
  | 'names with inner wildcards'
  | 'partial names'
  | 'top-level domains'
  | 'cosmetic rules'
  | 'rules for URLs'
  | 'rules with browser modifiers'
  | 'rules for tagged clients'
  | 'rules for unknown clients'
  | 'exceptions with exclusions'
  | 'unsupported answers'
  | 'per-domain upstream servers'
  | 'other settings'
  | 'included lists'
  | 'name server triggers'
  | 'DNAME and DS records'
  | 'expired indicators'
  | 'indicators below the minimum confidence'

/** What a list does with a name, where that is more than just blocking it. */
export interface ListAction {
  /**
   * An action in a higher layer applies to the name and everything below it, whatever lower layers
   * have there. Within a layer the longest name decides.
   */
  readonly layer: number
  /**
   * `rule`   the action of the rule that uses the list
   * `pass`   the list does not apply to the name
   * `data`   the answer is the records given with each name
   * `cancel` disables the layers below this one down to `DATA_LAYER`
   * else the action to answer with
   */
  readonly kind: 'rule' | 'pass' | 'data' | 'cancel' | Action
  /** Only for these query types; undefined: all. */
  readonly qtypes?: QtypeSet | undefined
  /** Only for clients in these prefixes; undefined: all. */
  readonly prefixes?: readonly Prefix[] | undefined
  /** How far the names may be passed on; undefined: the list does not say. */
  readonly tlp?: Tlp | undefined
}

/** Lowest layer that `cancel` disables. */
export const DATA_LAYER = 4

/** Receives the content of a list. It must not keep references to `octets`. */
export interface ListSink {
  /** A name to block, in lower-cased wire form. */
  blockName(octets: Uint8Array, at: Octets, length: Octets, cover: CoverCode, line: number): void
  /**
   * A name with another action.
   *
   * @param name in lower-cased wire form; more octets may follow it
   * @param record for `data`: TYPE, RDLENGTH and RDATA; called once for each record of a name
   */
  addName(
    action: ListAction,
    name: Uint8Array,
    cover: CoverCode,
    line: number,
    record?: Uint8Array
  ): void
  /** Disables the equal rule, wherever it is in the list; `action` undefined: one that just blocks. */
  disable(action: ListAction | undefined, name: Uint8Array, cover: CoverCode): void
  /** Addresses to match in answers; `action` undefined: just block. */
  addPrefix(action: ListAction | undefined, prefix: Prefix, line: number): void
  /** The names and addresses of a line leave the list at this time. */
  setExpiry(line: number, until: Seconds): void
  /** A line that is not valid in this format; `column` from 1. */
  skipLine(line: number, column: number, why: string): void
  /** A valid line that cannot be applied here. */
  countUnsupported(kind: Unsupported): void
}

/** Reads the lines of one list format. */
export interface LineReader {
  /** Reads the current line of `text`. @returns false if it is blank or a comment */
  read(text: ListText, sink: ListSink): boolean
}
