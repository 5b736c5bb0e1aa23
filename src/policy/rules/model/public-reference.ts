import { createHash } from 'node:crypto'

/** Octets of the digest that tells apart ids whose letters alone are equal. */
const DIGEST_DIGITS = 10

/**
 * The public reference of a ban: part of the URL of its page in the register, and its id in structured
 * DNS errors. It does not change while the id of the rule does not.
 *
 * An id of the operator's own is public. One with `/` begins with the id of a network, as those that Interdict
 * makes do: that is internal, so only a digest is published. Ids with other characters get a digest as well, so that
 * no two ids have the same reference.
 */
export function publicReference(id: string): string {
  if (/^[a-z0-9][a-z0-9-]*$/.test(id)) return id
  const digest = createHash('sha256').update(id).digest('hex').slice(0, DIGEST_DIGITS)
  if (id.includes('/')) return `ban-${digest}`
  const plain = id
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return `${plain}-${digest}`.replace(/^-/, '')
}

/** URL of the page of a ban. @param register base URL of the register, ending with `/` */
export function pageOf(register: string, id: string): string {
  return `${register}bans/${publicReference(id)}/`
}
