import type { Milliseconds, Octets } from '../../base/units.js'

/** Log files that the centre has not confirmed. */
export interface Waiting {
  readonly files: number
  readonly octets: Octets
  /** Wall-clock time when the oldest lookups among them were closed; null: nothing waits. */
  readonly since: Milliseconds | null
}

/** What has become of the logs of a gateway, for its status. Counts are since the start. */
export interface ShipState {
  readonly waiting: Waiting
  /** Files that the centre has confirmed. */
  readonly confirmed: number
  /** Wall-clock time of the last confirmation; null: none yet. */
  readonly last: Milliseconds | null
  /** Attempts that failed. */
  readonly failed: number
  /** Why the last attempt failed; null: it did not. */
  readonly error: { readonly code: string; readonly message: string } | null
}

export const NOTHING_SHIPPED: ShipState = {
  waiting: { files: 0, octets: 0, since: null },
  confirmed: 0,
  last: null,
  failed: 0,
  error: null
}
