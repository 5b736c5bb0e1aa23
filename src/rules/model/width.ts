import { showName } from '../../dns/name/name.js'
import { isPublicSuffix } from '../apps/public-suffix.js'
import { sharedZoneBelow } from '../apps/shared-zones.js'
import { isTooWide, type Pattern } from './pattern.js'

/** Why a name takes in more than one rule should. */
export interface TooWide {
  /** What it is, for a message: `co.uk, a public suffix`. */
  readonly found: string
  /** Whether `force:` and a reason make it right; nothing does for the root. */
  readonly forcible: boolean
}

/**
 * Whether a pattern takes in a whole top-level domain, another public suffix, or a zone that a
 * delivery network or cloud shares between its customers; undefined if it does not.
 *
 * @param text the name of the pattern as text, if it is at hand
 */
export function tooWide(pattern: Pattern, text = showName(pattern.name)): TooWide | undefined {
  const found = whatItTakesIn(pattern, text)
  if (found === undefined) return undefined
  return { found, forcible: text !== '' }
}

function whatItTakesIn(pattern: Pattern, text: string): string | undefined {
  if (isTooWide(pattern)) return 'a whole top-level domain'
  if (pattern.cover === 'exact') return undefined
  const shared = sharedZoneBelow(text)
  if (shared !== undefined) {
    const { zone, operator } = shared
    const which = zone === text ? zone : `${text}, including ${zone}`
    return `${which}, shared infrastructure of ${operator}`
  }
  return isPublicSuffix(text) ? `${text}, a public suffix` : undefined
}
