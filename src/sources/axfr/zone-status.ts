import type { Milliseconds } from '../../base/units.js'
import { zoneExpiry, nextZoneRefresh } from './refresh-timers.js'
import type { ZoneRecord } from './zone-record.js'

/** How the copy of a zone is; its JSON form is public. Instants are RFC 3339. */
export interface ZoneCopyStatus {
  readonly serial: number
  /** Id of the primary that it is from. */
  readonly primary: string
  /** When a primary last said that it is the newest. */
  readonly confirmed: string
  /** When primaries are asked again, at the latest, unless one notifies before. */
  readonly due: string
  /** When it is over, which leaves it in force. */
  readonly expires: string
}

/**
 * `good`     the last time that it was asked for, it could be had, or was the newest
 * `failing`  no primary could be used the last time, and the copy of before is in force
 * `expired`  none could for as long as its SOA says; it is in force
 * `missing`  it could not be had yet: rules on it hold for no name
 */
export type ZoneHealth = 'good' | 'failing' | 'expired' | 'missing'

/** Undefined: there is no copy. */
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
