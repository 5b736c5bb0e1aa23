import type { Octets } from '../../base/units.js'

/**
 * Lengths in bits of the codes of octets 0 to 255: RFC 7541 Appendix B. The code is canonical, so they
 * define it: codes of one length are consecutive, in the order of their octets, and shorter codes come first.
 */
const LENGTHS = Uint8Array.of(
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26]
)
/** Bits of the longest codes, which end with that of EOS: 30 ones. */
const LONGEST = 30
/** Codes of at most so many bits are found with one look into a table. */
const SHORT = 8

/** Octets in the order of their codes. */
const SYMBOLS = Uint8Array.from(
  [...LENGTHS.keys()].sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b)
)
/** By length: the first code, how many there are, and where in SYMBOLS they begin. */
const FIRST_CODE = new Uint32Array(LONGEST + 1)
const COUNT = new Uint32Array(LONGEST + 1)
const FIRST_SYMBOL = new Uint32Array(LONGEST + 1)
/** By the next eight bits: length << 8 | octet; 0: a longer code. */
const BY_PREFIX = new Uint16Array(1 << SHORT)

for (const length of LENGTHS) COUNT[length]!++
for (let length = 1, code = 0, symbol = 0; length <= LONGEST; length++, code <<= 1) {
  FIRST_CODE[length] = code
  FIRST_SYMBOL[length] = symbol
  for (let i = 0; length <= SHORT && i < COUNT[length]!; i++) {
    const from = (code + i) << (SHORT - length)
    BY_PREFIX.fill((length << 8) | SYMBOLS[symbol + i]!, from, from + (1 << (SHORT - length)))
  }
  code += COUNT[length]!
  symbol += COUNT[length]!
}

/**
 * Decodes the Huffman-coded string `octets[start, end)` to `target`, which must have room for 8/5 of its
 * size. RFC 7541 §5.2.
 *
 * @returns the decoded size; -1: invalid, for it contains EOS, or ends with more than seven bits of padding,
 *   or with others than ones
 */
export function decodeHuffman(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  target: Uint8Array
): Octets {
  const lastBit = 8 * (end - start)
  let size = 0
  for (let bit = 0; bit < lastBit;) {
    const next = bitsAt(octets, start + (bit >> 3), end, bit & 7)
    const short = BY_PREFIX[next >>> (32 - SHORT)]!
    let length = short >> 8
    let symbol = short & 0xff
    if (length === 0) {
      for (length = SHORT + 1; length <= LONGEST; length++) {
        const offset = (next >>> (32 - length)) - FIRST_CODE[length]!
        if (offset >= 0 && offset < COUNT[length]!) {
          symbol = SYMBOLS[FIRST_SYMBOL[length]! + offset]!
          break
        }
      }
    }
    bit += length
    if (bit > lastBit) {
      // Not a whole code: padding, which begins as EOS does.
      const padding = lastBit - (bit - length)
      return padding < 8 && next >>> (32 - padding) === (1 << padding) - 1 ? size : -1
    }
    if (length > LONGEST) return -1
    target[size++] = symbol
  }
  return size
}

/** 32 bits from the octet at `at`, without its first `skip` bits; ones after the end. */
function bitsAt(octets: Uint8Array, at: Octets, end: Octets, skip: number): number {
  if (at + 5 <= end) {
    const word =
      (octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!
    return skip === 0 ? word : (word << skip) | (octets[at + 4]! >> (8 - skip))
  }
  let word = -1
  for (let i = 0; i < 4 && at + i < end; i++) word ^= (octets[at + i]! ^ 0xff) << (24 - 8 * i)
  const last = at + 4 < end ? octets[at + 4]! : 0xff
  return skip === 0 ? word : (word << skip) | (last >> (8 - skip))
}
