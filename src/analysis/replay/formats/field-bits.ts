import type { QueryRecord } from '../../../lookups/event/schema.js'

/** Fields that a lookup is judged by, up to the verdict. */
const BEFORE = [
  ...(['v', 'time', 'client', 'network', 'addressNetwork'] as const),
  ...(['protocol', 'qname', 'qtype', 'verdict'] as const)
] as const
/** Fields that name the rule. */
const BY_WHAT = ['match', 'app', 'list', 'ban', 'exception', 'allow', 'block'] as const

/**
 * One bit of 32 for a field, by the first and last octet of its name: enough to detect a repeated
 * field. The fields of the query log have distinct bits, which a test checks, but for those of validation; these and unknown
 * fields may share one, and then the line is parsed as JSON.
 */
export function bitOf(first: number, last: number): number {
  return 1 << ((8 * first + 3 * last) >> 1)
}

export const INPUT_BITS = bitsOf(BEFORE)
export const REASON_BITS = bitsOf(BY_WHAT)

function bitsOf(fields: readonly (keyof QueryRecord)[]): number {
  return fields.reduce((all, name) => {
    return all | bitOf(name.charCodeAt(0), name.charCodeAt(name.length - 1))
  }, 0)
}
