import type { Octets, Seconds } from '../base/units.js'

/**
 * What a log says became of a lookup.
 *
 * `open`    it was answered
 * `blocked` by a rule that its name met
 * `lead`    blocked for where its answer led, which a log does not have: nobody can judge it again
 * `refused` the client was in no network
 */
export const RECORDED = { open: 0, blocked: 1, lead: 2, refused: 3 } as const

/** What a lookup was, or is, blocked or let through by. One object for all lookups with the same. */
export interface Ground {
  /** `app tiktok`, `list malware`; '' where names stand in the rule itself, or no rule spoke. */
  readonly through: string
  /** `ban federal-phones/tiktok`; '' where no rule spoke. */
  readonly by: string
}

export const NO_GROUND: Ground = { through: '', by: '' }

/** One lookup as readers of other programs' logs find it. */
export interface Found {
  /** Undefined where the log does not say when. */
  readonly at: Seconds | undefined
  /** An address, or whatever the log has in its place. */
  readonly client: string
  /** Id of the network, where the log has it. */
  readonly network?: string | undefined
  /** As text, or already in wire form. */
  readonly name: string | Uint8Array
  readonly qtype: number
  /** One of `PROTOCOL`. */
  readonly protocol: number
  /** One of `RECORDED`. */
  readonly recorded: number
  /** What blocked it, where the log says so. */
  readonly ground?: Ground | undefined
}

/**
 * Takes what readers find. Those of text say why a lookup cannot be judged, or undefined if all is
 * well.
 */
export interface Sink {
  find(found: Found): string | undefined
}

/** Reads one line after the other of a log, or one frame. */
export interface LineReader {
  /**
   * Reads `octets[from, to)`, without its line end. `READ_AHEAD` octets after it mean nothing.
   *
   * @returns why it cannot be read; undefined where it can, or is none of a lookup
   */
  line(octets: Buffer, from: Octets, to: Octets): string | undefined
  /** At the end of a file: what was waited with is given. */
  end?(): string | undefined
}
