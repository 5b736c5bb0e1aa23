import type { Octets } from '../base/units.js'

/** OPTION-CODE of extended DNS errors. RFC 8914 §2. */
export const OPTION_EDE = 15
/** OPTION-CODE, OPTION-LENGTH, INFO-CODE: an extended error without its text. RFC 8914 §2. */
export const EDE_BARE: Octets = 6
/** Most octets of EXTRA-TEXT: a line for people, and not a reason to truncate an answer. */
const MAX_EDE_TEXT: Octets = 200

/**
 * Prepares an extended DNS error (RFC 8914 §2) to be copied into replies as it is: OPTION-CODE 15,
 * OPTION-LENGTH, INFO-CODE, and EXTRA-TEXT, cut after the last code point that fits in 200 octets.
 *
 * @param text EXTRA-TEXT; octets, if given as such, are meant to be UTF-8
 */
export function edeOption(code: number, text: string | Uint8Array): Uint8Array {
  const whole = typeof text === 'string' ? Buffer.from(text) : text
  const length = cutAt(whole, MAX_EDE_TEXT)
  const option = new Uint8Array(EDE_BARE + length)
  option.set([0, OPTION_EDE, (2 + length) >> 8, 2 + length, code >> 8, code])
  option.set(whole.subarray(0, length), EDE_BARE)
  return option
}

/** The last end of a code point within `most` octets: octets 10xxxxxx continue one. RFC 3629 §3. */
function cutAt(text: Uint8Array, most: Octets): Octets {
  if (text.length <= most) return text.length
  let end = most
  while (end > 0 && (text[end]! & 0xc0) === 0x80) end--
  return end
}
