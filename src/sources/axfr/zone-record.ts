import type { Soa } from '../../wire/dns/message/zone-message.js'

/** The state of a transferred zone, stored in a human-readable file of its own. */
export interface ZoneRecord {
  /** Canonical text. */
  readonly zone: string
  /** The current copy; undefined: there is none. */
  readonly copy?: ZoneState | undefined
  /** When a primary was last queried, and when one last confirmed the copy. RFC 3339. */
  readonly tried: string
  readonly refreshed: string
  /** Consecutive failures. */
  readonly failures: number
  /** The last error. */
  readonly trouble?: { readonly code: string; readonly message: string } | undefined
}

export interface ZoneState extends Soa {
  /** Id of the primary it came from. */
  readonly primary: string
  /** A hash chain: see `zone-journal.ts`. Hexadecimal. */
  readonly sha256: string
  /** Number of policies; an estimate for those changed since the last full count. */
  readonly entries: number
  /** Records changed since the zone was last read as a whole. */
  readonly unread: number
  /** When it was transferred. RFC 3339. */
  readonly taken: string
}

export const emptyRecord = (zone: string): ZoneRecord => ({
  zone,
  tried: '',
  refreshed: '',
  failures: 0
})

/** Whether a value read from a file is a record of this zone. */
export function isRecordOf(zone: string, value: unknown): value is ZoneRecord {
  if (typeof value !== 'object' || value === null) return false
  const { zone: of, tried, refreshed, failures, copy } = value as Record<string, unknown>
  const isWhole = typeof tried === 'string' && typeof refreshed === 'string'
  return (
    of === zone &&
    isWhole &&
    Number.isInteger(failures) &&
    (copy === undefined || isZoneState(copy))
  )
}

const NUMBERS = ['serial', 'refresh', 'retry', 'expire', 'minimum', 'entries', 'unread']

function isZoneState(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const state = value as Record<string, unknown>
  const texts = ['primary', 'sha256', 'taken'].every(key => typeof state[key] === 'string')
  return texts && NUMBERS.every(key => Number.isInteger(state[key]))
}
