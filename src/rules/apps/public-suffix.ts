import { getDomain, getPublicSuffix } from 'tldts'

/** The whole Public Suffix List: registries, and those who give names to their customers. */
const WHOLE = {
  allowPrivateDomains: true,
  // What is asked for is a name already, lower-cased and without a final dot.
  extractHostname: false,
  validateHostname: false,
  detectIp: false,
  detectSpecialUse: false
}

/** A label that no entry of the list has. */
const UNLISTED_LABEL = 'x--x'

/**
 * Whether a name, or all that is below it, is a public suffix: a name under which anybody can
 * register names (`co.uk`), or be given one (`github.io`). https://publicsuffix.org
 */
export function isPublicSuffix(name: string): boolean {
  // `*.kawasaki.jp` is on the list: below kawasaki.jp, every name is one.
  const below = `${UNLISTED_LABEL}.${name}`
  const suffix = getPublicSuffix(below, WHOLE)
  return suffix === name || suffix === below
}

/** What somebody has registered of a name: `a.b.example.co.uk` as `example.co.uk`. */
export function registrableDomain(name: string): string | undefined {
  return getDomain(name, WHOLE) ?? undefined
}
