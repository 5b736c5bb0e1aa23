import { failure } from '../../base/error.js'
import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import type { Manifest } from './manifest.js'

/** Clocks differ: so far ahead of ours may the clock be by which a bundle was made. */
const LEEWAY: Seconds = 300

/**
 * Whether a bundle may be taken now. What is in force stays in force when it expires: an end of rules
 * is written into rules.
 *
 * @param bundle its name in messages
 * @throws InterdictError BUNDLE_EARLY, BUNDLE_EXPIRED
 */
export function checkDate({ created, expires }: Manifest, bundle: string, now: Seconds): void {
  if (created > now + LEEWAY) throw failure('BUNDLE_EARLY', bundle, instant(created), instant(now))
  if (now >= expires) throw failure('BUNDLE_EXPIRED', bundle, instant(expires), instant(now))
}

export function instant(at: Seconds): string {
  return new Date(at * MS_PER_SECOND).toISOString().replace('.000', '')
}
