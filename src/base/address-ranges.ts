import type { Prefix } from './address.js'

/** A range of addresses, up to the start of the next one, which are covered by the same prefixes. */
export interface AddressRange {
  readonly start: bigint
  /** Indices of the covering prefixes, longest first; equal ones in the given order. */
  readonly covering: readonly number[]
}

interface OpenPrefix {
  readonly end: bigint
  readonly indices: readonly number[]
}

/** A prefix as an inclusive range of numbers, with every index at which it was given. */
interface PrefixRange extends OpenPrefix {
  readonly start: bigint
}

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
  const limit = 1n << BigInt(bits)
  const ranges: AddressRange[] = [{ start: 0n, covering: [] }]
  const open: OpenPrefix[] = []
  const mark = (start: bigint): void => {
    if (start >= limit) return
    if (ranges.at(-1)?.start === start) ranges.pop()
    ranges.push({ start, covering: open.toReversed().flatMap(({ indices }) => indices) })
  }
  const closeBefore = (start: bigint): void => {
    for (let top = open.at(-1); top !== undefined && top.end < start; top = open.at(-1)) {
      open.pop()
      mark(top.end + 1n)
    }
  }
  for (const range of sortedPrefixes(prefixes, indices, bits)) {
    closeBefore(range.start)
    open.push(range)
    mark(range.start)
  }
  closeBefore(limit)
  return ranges
}

/** Distinct prefixes by start; with the same start, the widest first. */
function sortedPrefixes(
  prefixes: readonly Prefix[],
  indices: readonly number[],
  bits: 32 | 128
): readonly PrefixRange[] {
  const mask = (1n << BigInt(bits)) - 1n
  const byRange = new Map<string, { start: bigint; end: bigint; indices: number[] }>()
  for (const index of indices) {
    const { address, length } = prefixes[index]!
    const start = BigInt(`0x${Buffer.from(address).toString('hex')}`) & mask
    const key = `${start}/${length}`
    const known = byRange.get(key)
    if (known === undefined) {
      byRange.set(key, {
        start,
        end: start | ((1n << BigInt(128 - length)) - 1n),
        indices: [index]
      })
    } else known.indices.push(index)
  }
  return [...byRange.values()].sort((a, b) => compare(a.start, b.start) || compare(b.end, a.end))
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
