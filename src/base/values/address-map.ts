import { splitAddressSpace, type AddressRange } from './address-ranges.js'
import { containsPrefix, isMapped, type Prefix } from './address.js'

/** IPv4 prefixes are IPv4-mapped: they have at least 96 bits. */
const MAPPED_BITS = 96

/** A part of a prefix, and the longest of the map's prefixes that covers it. */
export interface MappedPart {
  /** Index; undefined: none covers it. */
  readonly by: number | undefined
  readonly prefixes: readonly Prefix[]
}

/** Finds the longest of many prefixes that covers an address. */
export class AddressMap {
  private readonly ranges = new Map<32 | 128, readonly AddressRange[]>()

  constructor(private readonly prefixes: readonly Prefix[]) {}

  /** Splits a prefix by the longest match of its addresses. */
  split(whole: Prefix): readonly MappedPart[] {
    const bits = isIpv4(whole) ? 32 : 128
    const ranges = this.rangesOf(bits)
    const start = numberOf(whole, bits)
    const end = start + (1n << BigInt(128 - whole.length))
    const parts = new Map<number | undefined, Prefix[]>()
    for (let i = lastAtOrBefore(ranges, start); i < ranges.length; i++) {
      const from = BigInt(ranges[i]!.start)
      if (from >= end) break
      const next = BigInt(ranges[i + 1]?.start ?? end)
      const by = ranges[i]!.covering[0]
      const known = parts.get(by) ?? []
      parts.set(by, known)
      known.push(...prefixesBetween(from < start ? start : from, next > end ? end : next, bits))
    }
    return [...parts].map(([by, prefixes]) => ({ by, prefixes }))
  }

  private rangesOf(bits: 32 | 128): readonly AddressRange[] {
    let ranges = this.ranges.get(bits)
    if (ranges === undefined) {
      const indices = [...this.prefixes.keys()].filter(
        i => isIpv4(this.prefixes[i]!) === (bits === 32)
      )
      this.ranges.set(bits, (ranges = splitAddressSpace(this.prefixes, indices, bits)))
    }
    return ranges
  }
}

/** The addresses that are in both lists of prefixes. */
export function intersectPrefixes(some: readonly Prefix[], others: readonly Prefix[]): Prefix[] {
  return some.flatMap(one =>
    others.flatMap(other => {
      if (containsPrefix(one, other)) return [other]
      return containsPrefix(other, one) ? [one] : []
    })
  )
}

/** The first range starts at 0. */
function lastAtOrBefore(ranges: readonly AddressRange[], start: bigint): number {
  let [low, high] = [0, ranges.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (BigInt(ranges[middle]!.start) <= start) low = middle
    else high = middle - 1
  }
  return low
}

/** The prefixes that make up a range, without its end. */
export function prefixesBetween(start: bigint, end: bigint, bits: 32 | 128): Prefix[] {
  const found: Prefix[] = []
  for (let at = start; at < end;) {
    let size = 0
    const fits = (length: bigint): boolean => at % length === 0n && at + length <= end
    while (size < bits && fits(2n << BigInt(size))) size++
    found.push({ address: addressOf(at, bits), length: 128 - size })
    at += 1n << BigInt(size)
  }
  return found
}

function numberOf({ address }: Prefix, bits: 32 | 128): bigint {
  const octets = bits === 32 ? address.subarray(12) : address
  return BigInt(`0x${Buffer.from(octets).toString('hex')}`)
}

function addressOf(value: bigint, bits: 32 | 128): Uint8Array {
  const address = new Uint8Array(Buffer.from(value.toString(16).padStart(32, '0'), 'hex'))
  if (bits === 32) address[10] = address[11] = 0xff
  return address
}

function isIpv4({ address, length }: Prefix): boolean {
  return isMapped(address) && length >= MAPPED_BITS
}
