import type { TsigKey } from '../../tsig/tsig.js'

/** A server that has zones for us. Plain data: it is sent to other threads. */
export interface Primary {
  readonly id: string
  readonly address: string
  readonly port: number
  /** What is asked is signed with it, and what is answered has to be; undefined: neither. */
  readonly key: TsigKey | undefined
}

/** A primary that could not be used, and why. */
export interface PrimaryFailure {
  readonly primary: string
  readonly code: string
  readonly message: string
}
