import type { Octets, Seconds } from '../../base/units.js'
import type { LoggedClient } from './logged-client.js'
import type { Code } from '../../base/code.js'
import type { Protocol } from '../../lookups/event/query-event.js'

export type RecordedState = Code<'recorded state'>

/**
 * The verdict of a lookup according to the log.
 *
 * `open`     answered
 * `blocked`  by a rule that matched the name of the query
 * `indirect` blocked for a name or address in the answer, which no log has: cannot be judged again
 * `refused`  the client was outside every network
 */
export const RECORDED = {
  open: 0 as RecordedState,
  blocked: 1 as RecordedState,
  indirect: 2 as RecordedState,
  refused: 3 as RecordedState
} as const

/** The rule that blocked or allowed a lookup. One object is shared by all lookups with the same rule. */
export interface Reason {
  /** `app tiktok`, `list malware`; '' if the rule lists names itself, or no rule matched. */
  readonly through: string
  /** `ban federal-phones/tiktok`; '' if no rule matched. */
  readonly by: string
}

export const NO_REASON: Reason = { through: '', by: '' }

/** One lookup, parsed from the log of any program. */
export interface ParsedLookup extends LoggedClient {
  /** Undefined if the log has no time. */
  readonly at: Seconds | undefined
  /** Presentation format, or wire format. */
  readonly name: string | Uint8Array
  readonly qtype: number
  readonly protocol: Protocol
  readonly recorded: RecordedState
  /** What blocked it, if the log has it. */
  readonly reason?: Reason | undefined
}

/** Receives parsed lookups. Returns why a lookup cannot be judged; undefined if it can. */
export interface LookupSink {
  addLookup(found: ParsedLookup): string | undefined
}

/** Parses a log line by line, or frame by frame. */
export interface LineReader {
  /**
   * Parses `octets[from, to)`, without line ending; `READ_AHEAD` more octets are readable.
   *
   * @returns why it cannot be parsed; undefined if it can, or is not about a lookup
   */
  line(octets: Buffer, from: Octets, to: Octets): string | undefined
  /** At the end of a file: emits a pending lookup. */
  end?(): string | undefined
}
