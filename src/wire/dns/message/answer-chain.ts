import { copyOctets, getUint16, getUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { LOWER, MAX_NAME, type HashedName } from '../name/hashed-name.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'
import type { Answer } from '../records/answer.js'
import { MAX_CHAIN_LENGTH } from './bailiwick.js'
import type { Query } from './query.js'
import { isSameName } from './question.js'

/** The name that the chain has reached, the owner of a record, and the target of a CNAME. */
const current = new Uint8Array(MAX_NAME)
const owner = new Uint8Array(MAX_NAME)
const target = new Uint8Array(MAX_NAME)
/** TTL of the CNAME that `findTarget` has found. */
let ttl: Seconds = 0

/**
 * Appends the CNAMEs of an answer to `query.aliases`, from `query.qname` up to a name in the chain. That
 * name is not set as `query.qname`.
 *
 * @param name the last target to append; undefined: up to the end of the chain
 * @param age since the answer was stored
 * @param ede as for `AliasChain.append`
 * @returns length of the last target, which is in `reached`. 0 without such a chain, or if it is too
 *   long: nothing is appended then
 */
export function appendChain(
  query: Query,
  answer: Answer,
  name: HashedName | undefined,
  age: Seconds,
  ede: Uint8Array
): Octets {
  const { aliases, qname } = query
  const { count, length, owner: ownerBefore } = aliases
  let size = copyOctets(qname.octets, 0, qname.length, current, 0)
  for (let i = 0; i < MAX_CHAIN_LENGTH; i++) {
    const found = findTarget(answer, qname, size)
    if (found === 0) break
    const left = ttl > age ? ttl - age : 0
    if (!aliases.append(qname.octets, qname.length, target, found, left, ede)) break
    size = copyOctets(target, 0, found, current, 0)
    if (size === name?.length && isSameName(current, 0, name.octets, size)) return size
  }
  if (name === undefined && aliases.count > count) return size
  aliases.truncate(count, length, ownerBefore)
  return 0
}

/** The last target that `appendChain` has appended, lower-cased. */
export const reached: Uint8Array = current

/** Decodes the target of the CNAME of `current`; returns its length, 0 if there is none. */
function findTarget({ body, answers }: Answer, qname: HashedName, size: Octets): Octets {
  let at = 0
  for (let left = answers; left > 0; left--) {
    const length = decodeName(body, at, qname, owner)
    at = skipName(body, at)
    const data = at + RECORD_FIXED_SIZE
    if (
      getUint16(body, at) === RRTYPE.CNAME &&
      length === size &&
      isSameName(owner, 0, current, size)
    ) {
      ttl = getUint32(body, at + 4)
      return decodeName(body, data, qname, target)
    }
    at = data + getUint16(body, at + 8)
  }
  return 0
}

/** The position after a name that `decodeResponse` has checked. */
function skipName(body: Uint8Array, at: Octets): Octets {
  while (body[at]! !== 0 && body[at]! < 0xc0) at += 1 + body[at]!
  return at + (body[at] === 0 ? 1 : 2)
}

/**
 * Decodes a name in the body of an answer, whose compression pointers count from the header of a message
 * with the question for `qname`. RFC 1035 §4.1.4.
 *
 * @returns its length
 */
function decodeName(body: Uint8Array, at: Octets, qname: HashedName, into: Uint8Array): Octets {
  const before = HEADER_SIZE + qname.length + QUESTION_FIXED_SIZE
  let from = body
  let pos = at
  let length = 0
  for (;;) {
    const head = from[pos]!
    if (head >= 0xc0) {
      const offset = ((head & 0x3f) << 8) | from[pos + 1]!
      from = offset < before ? qname.octets : body
      pos = offset < before ? offset - HEADER_SIZE : offset - before
      continue
    }
    for (let i = 0; i <= head; i++) into[length++] = LOWER[from[pos++]!]!
    if (head === 0) return length
  }
}
