import { equalOctets } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { OPCODE } from '../registry/opcode.js'
import { RCODE } from '../registry/rcode.js'
import { HEADER_SIZE } from '../registry/sizes.js'
import { matchesQuestionAt } from './question.js'

/**
 * Whether `message[start, end)` is a response to the query with this ID and question (RFC 5452
 * §9.1). Failures (FORMERR, SERVFAIL, NOTIMP, REFUSED) may come without a question.
 *
 * @param question QNAME as sent, QTYPE and QCLASS, in wire form
 * @param exactCase whether QNAME must have the case that was sent; otherwise case is ignored
 */
export function answersQuestion(
  message: Uint8Array,
  start: Octets,
  end: Octets,
  id: number,
  question: Uint8Array,
  exactCase = false
): boolean {
  if (end - start < HEADER_SIZE) return false
  if (((message[start]! << 8) | message[start + 1]!) !== id) return false
  const flags = message[start + 2]!
  if ((flags & 0x80) === 0 || ((flags >> 3) & 0x0f) !== OPCODE.QUERY) return false
  const questions = (message[start + 4]! << 8) | message[start + 5]!
  if (questions === 0) return mayOmitQuestion(message[start + 3]! & 0x0f)
  if (questions !== 1 || start + HEADER_SIZE + question.length > end) return false
  const at = start + HEADER_SIZE
  // Fast path, four octets at a time: nearly all responses repeat the question exactly.
  if (equalOctets(message, at, question, 0, question.length)) return true
  return !exactCase && matchesQuestionAt(message, at, question)
}

/** Whether a response with this RCODE may come without a question, which the server did not parse. */
export function mayOmitQuestion(rcode: number): boolean {
  return (
    rcode === RCODE.FORMERR ||
    rcode === RCODE.SERVFAIL ||
    rcode === RCODE.NOTIMP ||
    rcode === RCODE.REFUSED
  )
}
