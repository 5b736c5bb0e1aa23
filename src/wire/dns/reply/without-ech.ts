import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import type { Answer } from '../records/answer.js'
import type { HashedName } from '../name/hashed-name.js'
import { decompressName, skipName } from '../name/name.js'
import { decompressRdata } from '../records/rdata.js'
import { RRTYPE } from '../registry/rrtype.js'
import {
  HEADER_SIZE,
  MAX_MESSAGE_SIZE,
  QUESTION_FIXED_SIZE,
  RECORD_FIXED_SIZE
} from '../registry/sizes.js'

/** SvcParamKeys. RFC 9460 §14.3.2; `ech`: RFC 9848 §3. */
const MANDATORY = 0
const ECH = 5
/** SvcParamKey and length of its value. RFC 9460 §2.2. */
const PARAM_HEADER_SIZE: Octets = 4
/** A pointer to QNAME, which follows the header. RFC 1035 §4.1.4. */
const QNAME_POINTER = 0xc000 | HEADER_SIZE

/**
 * An answer without the parameter `ech` of SVCB and HTTPS records, so that clients name the server in
 * clear when they connect. RFC 9848 §3, RFC 9849. It is left out of `mandatory`, too. Signatures of such
 * records no longer hold: they are removed, and the answer is not authentic.
 *
 * Names are rewritten without compression, except QNAME. `decodeResponse` has validated the records.
 *
 * @param qname to which the records answer
 * @returns `answer` itself if it has no such parameter; undefined if the rest is too long for a message
 */
export function withoutEch(answer: Answer, qname: HashedName): Answer | undefined {
  const start = HEADER_SIZE + qname.length + QUESTION_FIXED_SIZE
  const message = new Uint8Array(start + answer.body.length)
  message.set(qname.octets.subarray(0, qname.length), HEADER_SIZE)
  message.set(answer.body, start)
  const out: number[] = []
  const ttls: number[] = []
  let hasEch = false
  let { answers } = answer
  let pos = start
  for (let record = 0; record < answer.answers + answer.authorities; record++) {
    const owner = pos
    const at = skipName(message, owner, HEADER_SIZE)
    const type = getUint16(message, at)
    const data = at + RECORD_FIXED_SIZE
    pos = data + getUint16(message, at + 8)
    if (record < answer.answers && type === RRTYPE.RRSIG && isService(getUint16(message, data))) {
      answers--
      continue
    }
    if (getUint16(message, owner) === QNAME_POINTER) out.push(0xc0, HEADER_SIZE)
    else decompressName(message, owner, out)
    ttls.push(out.length + 4)
    out.push(...message.subarray(at, data))
    const from = out.length
    if (isService(type)) hasEch = copyServiceRdata(message, data, pos, out) || hasEch
    else decompressRdata(message, type, data, pos, out)
    out[from - 2] = (out.length - from) >> 8
    out[from - 1] = (out.length - from) & 0xff
    if (start + out.length > MAX_MESSAGE_SIZE) return undefined
  }
  if (!hasEch) return answer
  return {
    ...answer,
    body: Uint8Array.from(out),
    ttls: Uint16Array.from(ttls),
    answers,
    authentic: false
  }
}

function isService(type: number): boolean {
  return type === RRTYPE.SVCB || type === RRTYPE.HTTPS
}

/**
 * Appends RDATA of SVCB or HTTPS without `ech`. RFC 9460 §2.2.
 *
 * @returns whether there was any
 */
function copyServiceRdata(message: Uint8Array, at: Octets, end: Octets, out: number[]): boolean {
  out.push(message[at]!, message[at + 1]!)
  let hasEch = false
  let pos = decompressName(message, at + 2, out)
  while (pos + PARAM_HEADER_SIZE <= end) {
    const key = getUint16(message, pos)
    const value = pos + PARAM_HEADER_SIZE
    const next = value + getUint16(message, pos + 2)
    // Not a parameter: clients ignore the record. RFC 9460 §2.2.
    if (next > end) break
    if (key === ECH) hasEch = true
    else if (key === MANDATORY) copyMandatory(message, value, next, out)
    else out.push(...message.subarray(pos, next))
    pos = next
  }
  out.push(...message.subarray(pos, end))
  return hasEch
}

/** Appends the keys that clients must know; an empty list is not allowed. RFC 9460 §8. */
function copyMandatory(message: Uint8Array, at: Octets, end: Octets, out: number[]): void {
  const keys: number[] = []
  for (let pos = at; pos + 1 < end; pos += 2) {
    if (getUint16(message, pos) !== ECH) keys.push(message[pos]!, message[pos + 1]!)
  }
  if (keys.length > 0) out.push(0, MANDATORY, keys.length >> 8, keys.length & 0xff, ...keys)
}
