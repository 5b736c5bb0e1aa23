import type { Prefix } from './address.js'

/** A range of addresses, up to the start of the next one, which are covered by the same prefixes. */
export interface AddressRange {
  /** A number for IPv4, a bigint for IPv6. */
  readonly start: number | bigint
  /** Indices of the covering prefixes, longest first; equal ones in the given order. */
  readonly covering: readonly number[]
}

/** A prefix as a range of numbers, with every index at which it was given. */
interface PrefixRange {
  readonly start: number | bigint
  /** Start of the next range. */
  readonly next: number | bigint
  readonly indices: number[]
}

const NONE: readonly number[] = []

/**
 * Splits the whole address space into ranges, the first of which starts at 0: a sweep over the sorted
 * prefixes with the open ones on a stack, O(n log n). Prefixes are nested or disjoint, so the innermost
 * open one is always the first to end.
 *
 * @param bits address size of the family; the low bits of the 16 octets are used
 * @param indices the prefixes to use
 */
export function splitAddressSpace(
  prefixes: readonly Prefix[],
  indices: readonly number[],
  bits: 32 | 128
): AddressRange[] {
  const limit = bits === 32 ? 2 ** 32 : 1n << 128n
  const ranges: AddressRange[] = [{ start: bits === 32 ? 0 : 0n, covering: NONE }]
  const open: PrefixRange[] = []
  const mark = (start: number | bigint): void => {
    if (start >= limit) return
    if (ranges.at(-1)?.start === start) ranges.pop()
    ranges.push({ start, covering: coveringOf(open) })
  }
  const closeUntil = (start: number | bigint): void => {
    for (let top = open.at(-1); top !== undefined && top.next <= start; top = open.at(-1)) {
      open.pop()
      mark(top.next)
    }
  }
  for (const range of sortedPrefixes(prefixes, indices, bits)) {
    closeUntil(range.start)
    open.push(range)
    mark(range.start)
  }
  closeUntil(limit)
  return ranges
}

function coveringOf(open: readonly PrefixRange[]): readonly number[] {
  // With many prefixes nearly all ranges are of these two kinds, which need no array of their own.
  if (open.length < 2) return open[0]?.indices ?? NONE
  return open.toReversed().flatMap(({ indices }) => indices)
}

/** Distinct prefixes by start; with the same start, the widest first. */
function sortedPrefixes(
  prefixes: readonly Prefix[],
  indices: readonly number[],
  bits: 32 | 128
): readonly PrefixRange[] {
  const rangeOf = bits === 32 ? rangeOf4 : rangeOf6
  const sorted = indices.map(index => rangeOf(prefixes[index]!, index)).sort(compareRanges)
  const distinct: PrefixRange[] = []
  for (const range of sorted) {
    const last = distinct.at(-1)
    if (last !== undefined && compareRanges(last, range) === 0) last.indices.push(...range.indices)
    else distinct.push(range)
  }
  return distinct
}

function rangeOf4({ address, length }: Prefix, index: number): PrefixRange {
  const [a, b, c, d] = [address[12]!, address[13]!, address[14]!, address[15]!]
  const start = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
  return { start, next: start + 2 ** (128 - length), indices: [index] }
}

function rangeOf6({ address, length }: Prefix, index: number): PrefixRange {
  const start = BigInt(`0x${Buffer.from(address).toString('hex')}`)
  return { start, next: start + (1n << BigInt(128 - length)), indices: [index] }
}

function compareRanges(a: PrefixRange, b: PrefixRange): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1
  return a.next === b.next ? 0 : a.next > b.next ? -1 : 1
}
