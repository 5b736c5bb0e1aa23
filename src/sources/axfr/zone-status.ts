import type { Milliseconds } from '../../base/units.js'
import { zoneExpiry, nextZoneRefresh } from './refresh-timers.js'
import type { ZoneRecord } from './zone-record.js'

/** Status of a zone copy; its JSON form is public. Times are RFC 3339. */
export interface ZoneCopyStatus {
  readonly serial: number
  /** Id of the primary it came from. */
  readonly primary: string
  /** When a primary last confirmed it. */
  readonly confirmed: string
  /** Latest time of the next refresh, unless a NOTIFY arrives before. */
  readonly due: string
  /** When it expires; it then stays in force. */
  readonly expires: string
}

/**
 * `good`     the last refresh succeeded
 * `failing`  no primary could be used at the last refresh; the previous copy is in force
 * `expired`  no primary could be used for the expire time of the SOA; the copy is in force
 * `missing`  never transferred: rules on it apply to no name
 */
export type ZoneHealth = 'good' | 'failing' | 'expired' | 'missing'

/** Undefined without a copy. */
export function zoneCopyStatus(record: ZoneRecord, now: Milliseconds): ZoneCopyStatus | undefined {
  const { copy, refreshed: confirmed } = record
  const expires = zoneExpiry(record)
  if (copy === undefined || expires === undefined) return undefined
  return {
    serial: copy.serial,
    primary: copy.primary,
    confirmed,
    due: new Date(nextZoneRefresh(record, now, () => 0)).toISOString(),
    expires: new Date(expires).toISOString()
  }
}

export function zoneHealth(record: ZoneRecord, now: Milliseconds): ZoneHealth {
  const expires = zoneExpiry(record)
  if (expires === undefined) return 'missing'
  if (expires <= now) return 'expired'
  return record.failures > 0 ? 'failing' : 'good'
}
