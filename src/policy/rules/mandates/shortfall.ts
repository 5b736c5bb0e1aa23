import type { Position } from '../../../base/errors/position.js'
import type { Seconds } from '../../../base/units.js'

/**
 * Names that some clients can look up at some time although a mandate orders them to be banned. Plain data, with
 * finite times: it is stored, and compared with the openings of later rules.
 */
export interface Opening {
  /** SHA-256 of the mandate's text. */
  readonly mandate: string
  /** Index of the order in the mandate. */
  readonly ban: number
  /** `app tiktok`, `tiktok.com` */
  readonly target: string
  /** Null: in no network. */
  readonly network: string | null
  /** Prefixes; empty: all clients of the network. */
  readonly clients: readonly string[]
  /** Patterns; `ALL_NAMES`: whatever the target is. */
  readonly names: readonly string[]
  readonly from: Seconds
  readonly until: Seconds
  /** `''`: at any hour. */
  readonly hours: string
}

/** An opening, and its cause. */
export interface Shortfall extends Opening {
  /** Id of the mandate. */
  readonly id: string
  /** Position of the target in the mandate. */
  readonly position: Position
  /** The clients, for messages: `network phones`. */
  readonly where: string
  /** `no ban covers it` */
  readonly why: string
}

export const ALL_NAMES = '*'
/** The last time that a JavaScript Date can represent. */
export const END_OF_TIME: Seconds = 8_640_000_000_000
