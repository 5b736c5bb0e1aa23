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

/** What precedes the flags in a key of a network with forwarders of its own: their number. */
export const KEY_SET_SIZE: Octets = 4

/**
 * Cache key: lower-cased QNAME, QTYPE, QCLASS, the forwarders unless they are those of the settings, DO and CD, and whether the
 * answer has to be validated.
 */
export type QuestionKey = Uint8Array

const keys = new ScratchArrays(
  MAX_NAME + KEY_SUFFIX_SIZE + KEY_SET_SIZE,
  length => new Uint8Array(length)
)

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

/** CD in the last octet of a key. */
const KEY_CD = 2
/** In the last octet of a key: it has the number of forwarders. */
const KEY_SET = 4
/** For clients of networks with `dnssec: enforce`, whose answers are apart from all others. */
const KEY_ENFORCED = 8

/** The last octet of a key: DO, CD, whether it has the number of forwarders, and whether the answer has to be validated. */
export function keyFlags(
  dnssecOk: boolean,
  checkingDisabled: boolean,
  forwarders: number,
  dnssecEnforced: boolean
): number {
  return (
    (dnssecOk ? KEY_DO : 0) |
    (checkingDisabled ? KEY_CD : 0) |
    (forwarders === 0 ? 0 : KEY_SET) |
    (dnssecEnforced ? KEY_ENFORCED : 0)
  )
}

/** Octets that follow QNAME in a key. */
export function keySuffixSize(forwarders: number): Octets {
  return forwarders === 0 ? KEY_SUFFIX_SIZE : KEY_SUFFIX_SIZE + KEY_SET_SIZE
}

/** The length of QNAME in the key in `octets[at, at + length)`. */
export function keyNameLength(octets: Uint8Array, at: Octets, length: Octets): Octets {
  const hasSet = (octets[at + length - 1]! & KEY_SET) !== 0
  return length - KEY_SUFFIX_SIZE - (hasSet ? KEY_SET_SIZE : 0)
}

/** The parts of a cache key. */
interface KeyedQuestion {
  readonly question: Uint8Array
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
  readonly forwarders: number
  readonly dnssecEnforced?: boolean
}

/** The cache key of a question; valid until the next call. */
export function questionKey(asked: KeyedQuestion): QuestionKey {
  const { question, dnssecOk, checkingDisabled, forwarders, dnssecEnforced = false } = asked
  const key = keys.take(question.length - QUESTION_FIXED_SIZE + keySuffixSize(forwarders))
  const name = question.length - QUESTION_FIXED_SIZE
  let at = 0
  for (const last = name - 4; at <= last; at = (at + 4) | 0) {
    setInt32Le(key, at, lowerCaseWord(getInt32Le(question, at)))
  }
  for (; at < name; at++) key[at] = LOWER[question[at]!]!
  for (; at < question.length; at++) key[at] = question[at]!
  if (forwarders !== 0) {
    setInt32Le(key, at, forwarders)
    at += KEY_SET_SIZE
  }
  key[at] = keyFlags(dnssecOk, checkingDisabled, forwarders, dnssecEnforced)
  return key
}
