import { addressWords, readPrefix, type Prefix } from '../base/address.js'

/** @returns undefined if the text is neither an address nor a prefix */
export function parsePrefix(text: string): Prefix | undefined {
  try {
    return readPrefix(text)
  } catch {
    return undefined
  }
}

export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  if (inner.length < outer.length) return false
  const [a, b] = [addressWords(outer.address), addressWords(inner.address)]
  return a.every((word, i) => {
    const bits = Math.min(32, Math.max(0, outer.length - 32 * i))
    // A shift by 32 would shift by 0.
    return bits === 0 || (word ^ b[i]!) >>> (32 - bits) === 0
  })
}
