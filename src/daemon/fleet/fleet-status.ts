/** Of a gateway in a fleet. The JSON form is public, see docs/reference/admin-socket.md. Times are RFC 3339. */
export interface FleetStatus {
  readonly name: string
  readonly ring: string
  readonly connected: boolean
  readonly server: string | null
  /** When NATS or the web server last said what this ring should run; null: not since the start. */
  readonly contact: string | null
  /** The same, or the start of the gateway: since when it has heard nothing. */
  readonly silentSince: string
  /** Serial that this ring should run, and since when the gateway knows; null: unknown. */
  readonly wanted: number | null
  readonly wantedSince: string | null
  readonly error: { readonly code: string; readonly message: string } | null
  readonly dropped: number
  readonly reports: number
}
