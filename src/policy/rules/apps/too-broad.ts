import { showName } from '../../../wire/dns/name/name.js'
import { isPublicSuffix } from './public-suffix.js'
import { sharedZoneCoveredBy } from './shared-zones.js'
import { coversTopLevelDomain, type Pattern } from '../model/pattern.js'

/** Why a name is too broad for a rule. */
export interface TooBroad {
  /** What the name covers, for a message: `co.uk, a public suffix`. */
  readonly covered: string
  /** Whether a reason given with `force:` permits it; false for the root. */
  readonly isForcible: boolean
}

/**
 * Whether a pattern covers a top-level domain, another public suffix, or a zone that a CDN or cloud
 * shares between its customers; undefined if it does not.
 *
 * @param text the name of the pattern as text, if known
 */
export function tooBroad(pattern: Pattern, text = showName(pattern.name)): TooBroad | undefined {
  const found = broadCoverage(pattern, text)
  if (found === undefined) return undefined
  return { covered: found, isForcible: text !== '' }
}

function broadCoverage(pattern: Pattern, text: string): string | undefined {
  if (coversTopLevelDomain(pattern)) return 'a whole top-level domain'
  if (pattern.cover === 'exact') return undefined
  const shared = sharedZoneCoveredBy(text)
  if (shared !== undefined) {
    const { zone, operator } = shared
    const which = zone === text ? zone : `${text}, including ${zone}`
    return `${which}, shared infrastructure of ${operator}`
  }
  return isPublicSuffix(text) ? `${text}, a public suffix` : undefined
}
