/**
 * Serial numbers of zones: 32 bits, and after the last one comes the first. RFC 1982.
 *
 * @returns whether `a` comes after `b`; false where it cannot be told, half the circle away (§3.2)
 */
export function isNewer(a: number, b: number): boolean {
  const ahead = (a - b) >>> 0
  return ahead > 0 && ahead < 0x8000_0000
}
