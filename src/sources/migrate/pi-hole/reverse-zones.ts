import { addressWords, readPrefix, isMapped } from '../../../base/values/address.js'
import { canonicalPrefix } from '../draft/server-address.js'

/** Most zones for one prefix. */
const MAX_ZONES = 256

/** Reverse zones that cover a prefix: RFC 1035 §3.5, RFC 3596 §2.5. Undefined: not a prefix, or too many zones. */
export function reverseZones(text: string): readonly string[] | undefined {
  const canonical = canonicalPrefix(text)
  if (canonical === undefined) return undefined
  const prefix = readPrefix(canonical)
  const isIpv4 = isMapped(prefix.address)
  const step = isIpv4 ? 8 : 4
  const length = isIpv4 ? prefix.length - 96 : prefix.length
  const labels = Math.max(1, Math.ceil(length / step))
  const zones = 2 ** (labels * step - length)
  if (zones > MAX_ZONES) return undefined
  const digits = isIpv4
    ? [...prefix.address.slice(12)]
    : [...addressWords(prefix.address)].flatMap(word =>
        Array.from({ length: 8 }, (_, i) => (word >>> (28 - 4 * i)) & 15)
      )
  const head = digits.slice(0, labels)
  return Array.from({ length: zones }, (_, i) => {
    const own = [...head.slice(0, -1), head.at(-1)! + i].reverse()
    return isIpv4
      ? `${own.join('.')}.in-addr.arpa`
      : `${own.map(digit => digit.toString(16)).join('.')}.ip6.arpa`
  })
}
