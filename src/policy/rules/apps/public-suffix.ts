import { getDomain, getPublicSuffix } from 'tldts'

/** Use the whole Public Suffix List: registries and private domains. */
const WHOLE = {
  allowPrivateDomains: true,
  // Names are given in lower case and without a final dot.
  extractHostname: false,
  validateHostname: false,
  detectIp: false,
  detectSpecialUse: false
}

/** A label that is not in the list. */
const UNLISTED_LABEL = 'x--x'

/**
 * Whether a name, or every name directly below it, is a public suffix: a name below which anybody
 * can register names (`co.uk`) or get one (`github.io`). https://publicsuffix.org
 */
export function isPublicSuffix(name: string): boolean {
  // A wildcard entry such as `*.kawasaki.jp` makes every name below kawasaki.jp a suffix.
  const below = `${UNLISTED_LABEL}.${name}`
  const suffix = getPublicSuffix(below, WHOLE)
  return suffix === name || suffix === below
}

/** The registrable domain of a name: `example.co.uk` for `a.b.example.co.uk`. */
export function registrableDomain(name: string): string | undefined {
  return getDomain(name, WHOLE) ?? undefined
}
