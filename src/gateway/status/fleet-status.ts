import type { Octets } from '../../base/units.js'

/** Of a gateway in a fleet. The JSON form is public, see docs/reference/admin-socket.md. Times are RFC 3339. */
export interface FleetStatus {
  readonly name: string
  readonly ring: string
  readonly connected: boolean
  readonly server: string | null
  /** When NATS or the web server last said what this ring should run; null: not since the start. */
  readonly contact: string | null
  /** The same, or the start of the gateway: since when it has heard nothing. Null: it only sends logs. */
  readonly silentSince: string | null
  /** Serial that this ring should run, and since when the gateway knows; null: unknown. */
  readonly wanted: number | null
  readonly wantedSince: string | null
  readonly error: { readonly code: string; readonly message: string } | null
  readonly dropped: number
  readonly reports: number
  /** Null: closed log files are not sent. */
  readonly logs: FleetLogsStatus | null
}

/** Files of the query log that are sent to the centre. Counts are since the start. */
export interface FleetLogsStatus {
  /** Files that the centre has not confirmed, their size, and when the oldest of them was closed; null: none waits. */
  readonly waiting: number
  readonly waitingOctets: Octets
  readonly waitingSince: string | null
  readonly sent: number
  /** When the centre last confirmed a file; null: not since the start. */
  readonly lastSent: string | null
  /** Attempts that failed, and why the last one did; null: it did not. */
  readonly failed: number
  readonly error: { readonly code: string; readonly message: string } | null
}
