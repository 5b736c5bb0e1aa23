/** Of a webhook. The JSON form is public, see docs/reference/admin-socket.md. */
export interface AlertHookStatus {
  readonly name: string
  /** Alerts raised and not resolved, now. */
  readonly active: number
  /** Messages that wait to be sent, now. */
  readonly waiting: number
  readonly sent: number
  /** Failed tries. */
  readonly failed: number
  /** Messages given up: after 12 tries, because 100 were waiting, or because their event was removed. */
  readonly dropped: number
  /** Why the last try failed; null: it did not. */
  readonly error: string | null
}
