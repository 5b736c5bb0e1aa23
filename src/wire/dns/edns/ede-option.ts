import type { Octets } from '../../../base/units.js'
import type { Answer } from '../records/answer.js'
import { OPTION_HEADER_SIZE } from '../registry/sizes.js'

/** OPTION-CODE of extended DNS errors. RFC 8914 §2. */
export const OPTION_EDE = 15
/** OPTION-CODE, OPTION-LENGTH, INFO-CODE: an EDE option without EXTRA-TEXT. RFC 8914 §2. */
export const EDE_FIXED_SIZE: Octets = 6
/** Longest EXTRA-TEXT: one human-readable line, never the reason to truncate an answer. */
const MAX_EXTRA_TEXT: Octets = 200

/**
 * Encodes an extended DNS error (RFC 8914 §2) as a complete option: OPTION-CODE 15, OPTION-LENGTH,
 * INFO-CODE, and EXTRA-TEXT, cut after the last code point that fits in 200 octets.
 *
 * @param text EXTRA-TEXT; if octets, in UTF-8
 */
export function encodeEde(code: number, text: string | Uint8Array): Uint8Array {
  const whole = typeof text === 'string' ? Buffer.from(text) : text
  const length = truncatedLength(whole, MAX_EXTRA_TEXT)
  const option = new Uint8Array(EDE_FIXED_SIZE + length)
  option.set([0, OPTION_EDE, (2 + length) >> 8, 2 + length, code >> 8, code])
  option.set(whole.subarray(0, length), EDE_FIXED_SIZE)
  return option
}

/** Most extended errors of one upstream response that are kept. */
const MAX_EDES = 3

/**
 * Appends an extended error of an upstream to those before it. RFC 8914 §3.
 *
 * @param data INFO-CODE and EXTRA-TEXT
 */
export function appendEde(before: Answer['ede'], data: Uint8Array): Answer['ede'] {
  const code = (data[0]! << 8) | data[1]!
  const option = encodeEde(code, data.subarray(2))
  if (before === undefined) return { code, option }
  if (countEdes(before.option) >= MAX_EDES) return before
  return { code: before.code, option: Uint8Array.of(...before.option, ...option) }
}

function countEdes(edes: Uint8Array): number {
  let count = 0
  for (let at = 0; at < edes.length; at += optionSizeAt(edes, at)) count++
  return count
}

/** Size of the option that begins at `at`. */
export function optionSizeAt(edes: Uint8Array, at: Octets): Octets {
  return OPTION_HEADER_SIZE + ((edes[at + 2]! << 8) | edes[at + 3]!)
}

/** Length of the whole code points within `most` octets: 10xxxxxx continues one. RFC 3629 §3. */
function truncatedLength(text: Uint8Array, most: Octets): Octets {
  if (text.length <= most) return text.length
  let end = most
  while (end > 0 && (text[end]! & 0xc0) === 0x80) end--
  return end
}
