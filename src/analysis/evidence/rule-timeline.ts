import type { Milliseconds } from '../../base/units.js'

/** A gateway of a fleet; undefined: the log is that of one gateway. */
export type Gateway = string | undefined

/** Rules as the log names them. */
export interface Version {
  /** First digits of the SHA-256 of all rule files. */
  readonly sha256: string
  /** Serial of the bundle; null: the rules came from a folder. */
  readonly serial: number | null
}

interface Times {
  readonly gateway: Gateway
  readonly from: Milliseconds
  readonly until: Milliseconds
}

/**
 * A part of the period at one gateway.
 *
 * `rules`    one version was in force; `isRecorded`: by the history of rules, since nothing was logged
 * `change`   one version was replaced by the next one, at an unknown time within
 * `restart`  the gateway was started again, or stopped
 * `unknown`  why is said
 */
export type Segment = Times & Content

export type Content =
  | { readonly kind: 'rules'; readonly version: Version; readonly isRecorded?: true }
  | { readonly kind: 'change'; readonly before: Version; readonly after: Version }
  | { readonly kind: 'restart' }
  | { readonly kind: 'unknown'; readonly why: string }

/** Consecutive lines of one generation. */
export interface Run extends Version {
  readonly generation: number
  /** How many starts of the gateway are recorded before it; absent: none. */
  readonly start?: number
  readonly first: Milliseconds
  readonly last: Milliseconds
}

/** The lines around a time. */
export interface Neighbours {
  readonly before?: Run | undefined
  readonly after?: Run | undefined
}

export type Part = readonly [Milliseconds, Milliseconds, Content]
