import type { Octets } from '../units.js'

/** Above this length, `set` with a view costs less than a loop. */
const LOOP_LIMIT: Octets = 128

/**
 * Copies `from[start, end)` to `to` at `at`, and returns the position after the copy. The two must
 * not overlap.
 *
 * Copies eight octets per iteration, with int32 arithmetic that needs no overflow checks: V8 checks
 * both arrays for each octet, and each sum. Copying 45 octets takes 36 ns on Node 20 and 75 in a
 * plain loop; `set` with `subarray` takes 44 and leaves an object to collect.
 */
export function copyOctets(
  from: Uint8Array,
  start: Octets,
  end: Octets,
  to: Uint8Array,
  at: Octets
): Octets {
  if (end - start > LOOP_LIMIT) {
    const whole = start === 0 && end === from.length
    to.set(whole ? from : from.subarray(start, end), at)
    return at + end - start
  }
  let source = start | 0
  let target = at | 0
  for (const last = (end - 8) | 0; source <= last; source = (source + 8) | 0) {
    const a = from[source]!
    const b = from[(source + 1) | 0]!
    const c = from[(source + 2) | 0]!
    const d = from[(source + 3) | 0]!
    const e = from[(source + 4) | 0]!
    const f = from[(source + 5) | 0]!
    const g = from[(source + 6) | 0]!
    const h = from[(source + 7) | 0]!
    to[target] = a
    to[(target + 1) | 0] = b
    to[(target + 2) | 0] = c
    to[(target + 3) | 0] = d
    to[(target + 4) | 0] = e
    to[(target + 5) | 0] = f
    to[(target + 6) | 0] = g
    to[(target + 7) | 0] = h
    target = (target + 8) | 0
  }
  for (; source < end; source = (source + 1) | 0) {
    to[target] = from[source]!
    target = (target + 1) | 0
  }
  return target
}

/** Whether `a[from, from + length)` equals `b[at, at + length)`; both ranges must exist. */
export function equalOctets(
  a: Uint8Array,
  from: Octets,
  b: Uint8Array,
  at: Octets,
  length: Octets
): boolean {
  const end = (from + length) | 0
  let left = from | 0
  let right = at | 0
  for (const last = (end - 4) | 0; left <= last; left = (left + 4) | 0) {
    const differ =
      (a[left]! ^ b[right]!) |
      (a[(left + 1) | 0]! ^ b[(right + 1) | 0]!) |
      (a[(left + 2) | 0]! ^ b[(right + 2) | 0]!) |
      (a[(left + 3) | 0]! ^ b[(right + 3) | 0]!)
    if (differ !== 0) return false
    right = (right + 4) | 0
  }
  for (; left < end; left = (left + 1) | 0) {
    if (a[left] !== b[right]) return false
    right = (right + 1) | 0
  }
  return true
}

/** Reads 32 bits, least significant octet first, as a signed number. */
export function getInt32Le(octets: Uint8Array, at: Octets): number {
  return (
    octets[at]! |
    (octets[(at + 1) | 0]! << 8) |
    (octets[(at + 2) | 0]! << 16) |
    (octets[(at + 3) | 0]! << 24)
  )
}

/** Writes 32 bits, least significant octet first. */
export function setInt32Le(octets: Uint8Array, at: Octets, word: number): void {
  octets[at] = word
  octets[(at + 1) | 0] = word >> 8
  octets[(at + 2) | 0] = word >> 16
  octets[(at + 3) | 0] = word >> 24
}

/** Writes 16 bits, most significant octet first. */
export function setUint16(octets: Uint8Array, at: Octets, value: number): void {
  octets[at] = value >> 8
  octets[at + 1] = value
}

/** Writes 32 bits, most significant octet first. */
export function setUint32(octets: Uint8Array, at: Octets, value: number): void {
  octets[at] = value >> 24
  octets[at + 1] = value >> 16
  octets[at + 2] = value >> 8
  octets[at + 3] = value
}

/** Reads 32 bits, most significant octet first, as an unsigned number. */
export function getUint32(octets: Uint8Array, at: Octets): number {
  return (
    ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0
  )
}

/** Reads 16 bits, most significant octet first; octets past the end count as 0. */
export function getUint16(octets: Uint8Array, at: Octets): number {
  return (octets[at]! << 8) | octets[at + 1]!
}
