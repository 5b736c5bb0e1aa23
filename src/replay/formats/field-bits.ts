import type { QueryRecord } from '../../querylog/record/schema.js'

/** Fields by which a lookup is judged, up to the verdict. */
const BEFORE = ['v', 'time', 'client', 'network', 'protocol', 'qname', 'qtype', 'verdict'] as const
/** Those that say by what. */
const BY_WHAT = ['match', 'app', 'list', 'ban', 'exception', 'allow', 'block'] as const

/**
 * One bit of 32 for the name of a field, by its first and its last octet: enough to see that one
 * comes again. Lines as our own log has them are clear of each other's bits, which a test holds;
 * another name may share one, and then its line is read as JSON.
 */
export function bitOf(first: number, last: number): number {
  return 1 << ((8 * first + 3 * last) >> 1)
}

export const BEFORE_BITS = bitsOf(BEFORE)
export const BY_WHAT_BITS = bitsOf(BY_WHAT)

function bitsOf(fields: readonly (keyof QueryRecord)[]): number {
  return fields.reduce((all, name) => {
    return all | bitOf(name.charCodeAt(0), name.charCodeAt(name.length - 1))
  }, 0)
}
