import { failure } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import type { Manifest } from './manifest.js'

/** Serials are Unix times by default, or count up. One that is far above both would lock out all later ones. */
const MAX_SERIAL_STEP = 1000
const MAX_SERIAL_AHEAD: Seconds = 86_400

/** Tolerated difference between the local clock and that of the creator of a bundle. */
const CLOCK_SKEW: Seconds = 300

/**
 * Checks that a bundle may be accepted now. An active bundle stays active when it expires: the end
 * of a rule belongs in the rule.
 *
 * @param bundle its name in messages
 * @throws InterdictError BUNDLE_EARLY, BUNDLE_EXPIRED
 */
export function checkValidity({ created, expires }: Manifest, bundle: string, now: Seconds): void {
  if (created > now + CLOCK_SKEW)
    throw failure('BUNDLE_EARLY', bundle, formatInstant(created), formatInstant(now))
  if (now >= expires)
    throw failure('BUNDLE_EXPIRED', bundle, formatInstant(expires), formatInstant(now))
}

/**
 * Checks that a serial leaves room for later ones.
 *
 * @param newest highest serial accepted before; 0: none
 * @throws InterdictError BUNDLE_SERIAL
 */
export function checkSerial(serial: number, newest: number, bundle: string, now: Seconds): void {
  const highest = Math.max(newest + MAX_SERIAL_STEP, Math.floor(now) + MAX_SERIAL_AHEAD)
  if (serial > highest) throw failure('BUNDLE_SERIAL', bundle, serial, highest)
}

export function formatInstant(at: Seconds): string {
  return new Date(at * MS_PER_SECOND).toISOString().replace('.000', '')
}
