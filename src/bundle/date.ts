import { failure } from '../base/error.js'
import { MS_PER_SECOND, type Seconds } from '../base/units.js'
import type { Manifest } from './manifest.js'

/**
 * Whether a bundle may be taken now. What is in force stays in force when it expires: an end of rules
 * is written into rules.
 *
 * @param bundle its name in messages
 * @throws InterdictError BUNDLE_EXPIRED
 */
export function checkDate({ expires }: Manifest, bundle: string, now: Seconds): void {
  if (now >= expires) throw failure('BUNDLE_EXPIRED', bundle, instant(expires), instant(now))
}

function instant(at: Seconds): string {
  return new Date(at * MS_PER_SECOND).toISOString().replace('.000', '')
}
