import type { Seconds } from '../../../base/units.js'

/**
 * When lines leave a source: pairs of a time and a line, by time. 8 octets of shared memory for a line. A view of what is
 * yet to come: its beginning moves on.
 */
export type Expiries = Uint32Array<SharedArrayBuffer>

/** Marks a line with an address: these cannot be taken out of a snapshot one by one. */
export const PREFIX_BIT = 0x8000_0000

/** When the next line expires; Infinity: none does. */
export function nextExpiry(expiries: Expiries | undefined): Seconds {
  return expiries?.[0] ?? Infinity
}

/** What has expired: lines with names, and whether addresses are among the rest. */
export interface Expired {
  readonly lines: ReadonlySet<number>
  readonly hasAddresses: boolean
  /** What is yet to come. */
  readonly rest: Expiries
}

/** Undefined: nothing has expired. */
export function expiredAt(expiries: Expiries | undefined, now: Seconds): Expired | undefined {
  if (expiries === undefined || nextExpiry(expiries) > now) return undefined
  const lines = new Set<number>()
  let hasAddresses = false
  let at = 0
  for (; at < expiries.length && expiries[at]! <= now; at += 2) {
    const line = expiries[at + 1]!
    if (line >= PREFIX_BIT) hasAddresses = true
    else lines.add(line)
  }
  return { lines, hasAddresses, rest: expiries.subarray(at) }
}

/** When the next line of some list expires; Infinity: none does. */
export function nextListExpiry(
  lists: readonly { readonly parts: readonly { readonly expiries?: Expiries | undefined }[] }[]
): Seconds {
  const all = lists.flatMap(({ parts }) => parts.map(({ expiries }) => nextExpiry(expiries)))
  return all.reduce((first, one) => Math.min(first, one), Infinity)
}
