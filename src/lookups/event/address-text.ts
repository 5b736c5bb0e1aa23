import type { Octets } from '../../base/units.js'

const COLON = 0x3a
const HEX = Uint8Array.from('0123456789abcdef', digit => digit.charCodeAt(0))
/** Third word of an IPv4-mapped address, ::ffff:a.b.c.d. RFC 4291 §2.5.5.2. */
const MAPPED = 0xffff

/** Octets per entry of `DECIMAL`: up to three digits and a dot. */
const WIDTH: Octets = 4
/** Every octet value in decimal, followed by a dot. */
const DECIMAL = Uint8Array.from({ length: 256 * WIDTH }, (_, i) =>
  `${i >> 2}.`.padEnd(WIDTH).charCodeAt(i & 3)
)

/**
 * Writes an address, given as four 32-bit words with the most significant first, as text: dotted
 * quad for IPv4 and IPv4-mapped addresses, otherwise RFC 5952. The same text as `showAddress`,
 * without creating strings.
 *
 * @returns the position after the address
 */
export function writeAddress(octets: Uint8Array, at: Octets, words: Uint32Array): Octets {
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === MAPPED
  return mapped ? writeIpv4(octets, at, words[3]!) : writeIpv6(octets, at, words)
}

function writeIpv4(octets: Uint8Array, at: Octets, word: number): Octets {
  let to = at
  for (let shift = 24; shift >= 0; shift -= 8) {
    const value = (word >>> shift) & 0xff
    const from = value * WIDTH
    // Always copies all four octets to avoid branches; the surplus is overwritten.
    octets[to] = DECIMAL[from]!
    octets[to + 1] = DECIMAL[from + 1]!
    octets[to + 2] = DECIMAL[from + 2]!
    octets[to + 3] = DECIMAL[from + 3]!
    to += value > 99 ? 4 : value > 9 ? 3 : 2
  }
  return to - 1
}

function writeIpv6(octets: Uint8Array, at: Octets, words: Uint32Array): Octets {
  const { start, end } = longestZeros(words)
  let to = at
  for (let group = 0; group < 8; group++) {
    if (group === start) {
      octets[to++] = COLON
      octets[to++] = COLON
      group = end - 1
      continue
    }
    if (group > 0 && group !== end) octets[to++] = COLON
    const value = groupOf(words, group)
    for (let shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0; ; shift -= 4) {
      octets[to++] = HEX[(value >>> shift) & 0xf]!
      if (shift === 0) break
    }
  }
  return to
}

/**
 * The first of the longest runs of two or more zero groups, [start, end); -1 if there is none. RFC
 * 5952 §4.2.
 */
function longestZeros(words: Uint32Array): { start: number; end: number } {
  let start = -1
  let end = -1
  for (let group = 0; group < 8; group++) {
    let stop = group
    while (stop < 8 && groupOf(words, stop) === 0) stop++
    if (stop - group > Math.max(1, end - start)) [start, end] = [group, stop]
    group = Math.max(group, stop - 1)
  }
  return { start, end }
}

function groupOf(words: Uint32Array, group: number): number {
  const word = words[group >> 1]!
  return (group & 1) === 0 ? word >>> 16 : word & 0xffff
}
