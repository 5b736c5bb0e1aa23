/**
 * Compares zone serial numbers: 32 bits that wrap around. RFC 1982.
 *
 * @returns whether `a` is newer than `b`; false where that is undefined, at a distance of 2^31 (§3.2)
 */
export function isNewer(a: number, b: number): boolean {
  const ahead = (a - b) >>> 0
  return ahead > 0 && ahead < 0x8000_0000
}
