import { failure } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import type { Manifest } from './manifest.js'

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

export function formatInstant(at: Seconds): string {
  return new Date(at * MS_PER_SECOND).toISOString().replace('.000', '')
}
