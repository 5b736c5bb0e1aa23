import type { Message } from '../resolver/message-text.js'
import type { RplEntry } from './rpl-file.js'

/**
 * What is compared of an answer: all of `MATCH all`, which is all but TTLs, except for four things
 * that are the same in every scenario.
 *
 * - AA: Unbound sets it where a policy answers. Interdict is no authority for names that it blocks
 *   (RFC 1035 §4.1.1), and neither is BIND, which leaves it clear too.
 * - AUTHORITY of a negative answer: Unbound sends none, so that clients cannot cache the answer.
 *   Interdict adds the SOA that RFC 2308 §3 requires.
 * - NS in AUTHORITY: Unbound passes them on. Interdict drops them, since they may lead to blocked names.
 * - ADDITIONAL: Unbound adds the SOA of the zone with `minimal-responses: no`. Interdict has no
 *   such setting.
 */
export interface Compared {
  readonly rcode: string
  readonly flags: string
  readonly answers: readonly string[]
  readonly authorities: readonly string[]
}

const RCODES = ['NOERROR', 'NXDOMAIN', 'SERVFAIL', 'REFUSED', 'FORMERR']
const FLAGS = ['QR', 'TC', 'RD', 'RA', 'AD', 'CD']

/** Undefined: no answer. */
export function expectedOf(entry: RplEntry | undefined): Compared | undefined {
  if (entry === undefined) return undefined
  const { reply, sections } = entry
  return {
    rcode: reply.find(word => RCODES.includes(word)) ?? 'NOERROR',
    flags: FLAGS.filter(flag => reply.includes(flag)).join(' '),
    answers: inOrder(sections.ANSWER),
    authorities: inOrder(sections.AUTHORITY.filter(record => !record.includes(' NS ')))
  }
}

export function receivedOf(
  message: Message | undefined,
  expected: RplEntry | undefined
): Compared | undefined {
  if (message === undefined) return undefined
  const { rcode, flags, answers, authorities } = message
  const isPolicySoa =
    expected?.sections.AUTHORITY.length === 0 && authorities.join().includes(' SOA ')
  return {
    rcode,
    flags: FLAGS.filter(flag => flags.split(' ').includes(flag)).join(' '),
    answers: inOrder(answers),
    authorities: isPolicySoa ? [] : inOrder(authorities)
  }
}

/** Without TTLs; the records of one RRset have no order. */
function inOrder(records: readonly string[]): string[] {
  const plain = records.map(record => record.replace(/^(\S+) \d+ /, '$1 ').toLowerCase())
  const rrset = (record: string): string => record.split(' ').slice(0, 2).join(' ')
  const sets = [...new Set(plain.map(rrset))]
  return sets.flatMap(set => plain.filter(record => rrset(record) === set).sort())
}
