import {
  copyOctets,
  equalOctets,
  getInt32Le,
  setInt32Le,
  setUint16
} from '../../../base/bytes/octets.js'
import { ScratchArrays } from '../../../base/bytes/scratch-arrays.js'
import type { Octets } from '../../../base/units.js'
import { lowerCaseWord, LOWER, MAX_NAME } from '../name/hashed-name.js'
import { QUESTION_FIXED_SIZE } from '../registry/sizes.js'

/*
 * A question in wire form: QNAME, uncompressed and in any letter case, QTYPE and QCLASS. RFC 1035
 * §4.1.2.
 */
/** QTYPE, QCLASS and one octet of flags, which follow QNAME in a key. */
export const KEY_SUFFIX_SIZE: Octets = QUESTION_FIXED_SIZE + 1

/** Cache key: lower-cased QNAME, QTYPE, QCLASS, DO and CD. */
export type QuestionKey = Uint8Array

const keys = new ScratchArrays(MAX_NAME + KEY_SUFFIX_SIZE, length => new Uint8Array(length))

/** Encodes a question. */
export function encodeQuestion(qname: Uint8Array, qtype: number, qclass: number): Uint8Array {
  return Uint8Array.of(...qname, qtype >> 8, qtype, qclass >> 8, qclass)
}

/** As `encodeQuestion`, into `question`, whose length determines that of the name. */
export function setQuestion(
  question: Uint8Array,
  qname: Uint8Array,
  qtype: number,
  qclass: number
): void {
  const at = copyOctets(qname, 0, question.length - QUESTION_FIXED_SIZE, question, 0)
  setUint16(question, at, qtype)
  setUint16(question, at + 2, qclass)
}

export function qtypeOf(question: Uint8Array): number {
  const at = question.length - QUESTION_FIXED_SIZE
  return (question[at]! << 8) | question[at + 1]!
}

/** Whether `a` has the name `b[0, length)` at `at`, ignoring case. RFC 4343. */
export function isSameName(a: Uint8Array, at: Octets, b: Uint8Array, length: Octets): boolean {
  for (let i = 0; i < length; i++) if (LOWER[a[at + i]!] !== LOWER[b[i]!]) return false
  return true
}

/** Whether two questions are equal, ignoring the case of QNAME. RFC 4343. */
export function isSameQuestion(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && matchesQuestionAt(a, 0, b)
}

/** Whether `octets` has this question at `at`, ignoring the case of QNAME. The range must exist. */
export function matchesQuestionAt(octets: Uint8Array, at: Octets, question: Uint8Array): boolean {
  const name = question.length - QUESTION_FIXED_SIZE
  if (!isSameName(octets, at, question, name)) return false
  return equalOctets(octets, at + name, question, name, QUESTION_FIXED_SIZE)
}

/** DO in the last octet of a key. */
export const KEY_DO = 1

/** The last octet of a key: DO and CD. */
export function keyFlags(dnssecOk: boolean, checkingDisabled: boolean): number {
  return (dnssecOk ? KEY_DO : 0) | (checkingDisabled ? 2 : 0)
}

/** The parts of a cache key. */
interface KeyedQuestion {
  readonly question: Uint8Array
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
}

/** The cache key of a question; valid until the next call. */
export function questionKey({ question, dnssecOk, checkingDisabled }: KeyedQuestion): QuestionKey {
  const key = keys.take(question.length + 1)
  const name = question.length - QUESTION_FIXED_SIZE
  let at = 0
  for (const last = name - 4; at <= last; at = (at + 4) | 0) {
    setInt32Le(key, at, lowerCaseWord(getInt32Le(question, at)))
  }
  for (; at < name; at++) key[at] = LOWER[question[at]!]!
  for (; at < question.length; at++) key[at] = question[at]!
  key[question.length] = keyFlags(dnssecOk, checkingDisabled)
  return key
}
