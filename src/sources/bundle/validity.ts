import { failure } from '../../base/error.js'
import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import type { Manifest } from './manifest.js'

/** Clocks differ: so far ahead of ours may the clock be by which a bundle was made. */
const CLOCK_SKEW: Seconds = 300

/**
 * Whether a bundle may be taken now. What is in force stays in force when it expires: an end of rules
 * is written into rules.
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

export function formatInstant(at: Seconds): string {
  return new Date(at * MS_PER_SECOND).toISOString().replace('.000', '')
}
