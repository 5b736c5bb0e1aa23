import { TAG } from './der.js'

/** A value in DER (X.690) with this tag. */
export function derValue(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag, ...lengthOctets(content.length)), content])
}

export const derSequence = (...parts: readonly Uint8Array[]): Buffer =>
  derValue(TAG.sequence, Buffer.concat(parts))

/** A non-negative INTEGER below 2^31. */
export function derInteger(number: number): Buffer {
  const octets = Buffer.alloc(5)
  octets.writeUInt32BE(number, 1)
  // The shortest form whose first bit is clear: X.690 §8.3.
  let start = 0
  while (start < 4 && octets[start] === 0 && octets[start + 1]! < 0x80) start++
  return derValue(TAG.integer, octets.subarray(start))
}

/** An OBJECT IDENTIFIER from its text, as `1.2.840.113549`. */
export function derOid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  return derValue(TAG.oid, Buffer.from([40 * first + second, ...rest].flatMap(base128)))
}

function base128(number: number): number[] {
  const digits = [number & 0x7f]
  for (let rest = number >>> 7; rest > 0; rest >>>= 7) digits.unshift(0x80 | (rest & 0x7f))
  return digits
}

/** X.690 §8.1.3. */
function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff)
  return [0x80 | octets.length, ...octets]
}
