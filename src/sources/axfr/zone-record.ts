import type { Soa } from '../../dns/message/zone-message.js'

/** What is known of a zone that is transferred; a file of its own, for people too. */
export interface ZoneRecord {
  /** Canonical text. */
  readonly zone: string
  /** The state that is there; undefined: there is none. */
  readonly copy?: ZoneState | undefined
  /** When a primary was asked last, and when one last confirmed the copy. RFC 3339. */
  readonly tried: string
  readonly refreshed: string
  /** In a row. */
  readonly failures: number
  /** What went wrong the last time. */
  readonly trouble?: { readonly code: string; readonly message: string } | undefined
}

export interface ZoneState extends Soa {
  /** Id of the primary that it is from. */
  readonly primary: string
  /** Chained: see `zone-journal.ts`. Hex. */
  readonly sha256: string
  /** Policies, of which those that have changed since the last whole count are estimated. */
  readonly entries: number
  /** Records that have changed since all of it was read. */
  readonly unread: number
  /** When it came. RFC 3339. */
  readonly taken: string
}

export const emptyRecord = (zone: string): ZoneRecord => ({
  zone,
  tried: '',
  refreshed: '',
  failures: 0
})

/** Whether what was read from a file is one, of this zone. */
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
