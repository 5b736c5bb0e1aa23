import type { TsigKey } from '../../wire/tsig/tsig.js'

/** A primary that zones are transferred from. Plain data: it is sent to other threads. */
export interface Primary {
  readonly id: string
  readonly address: string
  readonly port: number
  /** Signs queries and verifies responses; undefined: no TSIG. */
  readonly key: TsigKey | undefined
}

/** A primary that failed, and why. */
export interface PrimaryFailure {
  readonly primary: string
  readonly code: string
  readonly message: string
}
