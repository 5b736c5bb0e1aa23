import type { Octets } from '../../../base/units.js'
import { LOWER, MAX_LABEL, MAX_LABELS, MAX_NAME } from './hashed-name.js'
import type { NameBudget } from './name-budget.js'

/*
 * Names compared in place in a message, without decompressing or allocating. `skipName` validated
 * them before; a name in a pointer loop equals no other name. All throw WIRE_LARGE if the budget is
 * spent.
 */

/** Whether the names at `a` and `b` are equal, ignoring case. RFC 4343. */
export function isSameName(message: Uint8Array, a: Octets, b: Octets, budget: NameBudget): boolean {
  for (let labels = 0; labels <= MAX_LABELS; labels++) {
    a = followPointers(message, a, budget)
    b = followPointers(message, b, budget)
    if (a < 0 || b < 0) return false
    if (a === b) return true
    const length = message[a]!
    if (length !== message[b]!) return false
    if (length === 0) return true
    budget.spend(1 + (length >> 3))
    for (let i = 1; i <= length; i++) {
      if (LOWER[message[a + i]!] !== LOWER[message[b + i]!]) return false
    }
    a += 1 + length
    b += 1 + length
  }
  return false
}

/** Whether the name at `below` equals the one at `above` or is a subdomain of it. */
export function isAtOrBelow(
  message: Uint8Array,
  below: Octets,
  above: Octets,
  budget: NameBudget
): boolean {
  let surplus = countLabels(message, below, budget) - countLabels(message, above, budget)
  if (Number.isNaN(surplus)) return false
  for (; surplus > 0; surplus--) below = parentOf(message, below, budget)
  return surplus === 0 && isSameName(message, below, above, budget)
}

/**
 * Position in the name at `at` where the longest suffix begins that the name at `other` has, too; 0 if
 * they have none but the root, or it begins behind a compression pointer of the first name.
 */
export function findSharedSuffix(
  message: Uint8Array,
  at: Octets,
  other: Octets,
  budget: NameBudget
): Octets {
  let left = countLabels(message, at, budget)
  let labels = countLabels(message, other, budget)
  for (let pos = at; left > 0 && message[pos]! < 0xc0; pos += 1 + message[pos]!, left--) {
    for (; labels > left; labels--) other = parentOf(message, other, budget)
    if (labels === left && isSameName(message, pos, other, budget)) return pos
  }
  return 0
}

/** Whether the name at `below` is a proper subdomain of the one at `above`. */
export function isBelow(
  message: Uint8Array,
  below: Octets,
  above: Octets,
  budget: NameBudget
): boolean {
  const at = followPointers(message, below, budget)
  if (at < 0 || message[at] === 0) return false
  return isAtOrBelow(message, parentOf(message, at, budget), above, budget)
}

/** Position of the name without its first label. The name must not be the root. */
function parentOf(message: Uint8Array, name: Octets, budget: NameBudget): Octets {
  const at = followPointers(message, name, budget)
  return at + 1 + message[at]!
}

/** Number of labels, without the root label; NaN if the name is malformed. */
function countLabels(message: Uint8Array, at: Octets, budget: NameBudget): number {
  for (let labels = 0; labels <= MAX_LABELS; labels++) {
    at = followPointers(message, at, budget)
    if (at < 0) return NaN
    if (message[at] === 0) {
      budget.spend(labels)
      return labels
    }
    at += 1 + message[at]!
  }
  return NaN
}

/** Position of the next label at `at` after following all pointers; -1: none. */
function followPointers(message: Uint8Array, at: Octets, budget: NameBudget): Octets {
  for (let hops = 0; hops <= MAX_LABELS; hops++) {
    const head = message[at]
    if (head === undefined) return -1
    if (head < 0xc0) {
      if (hops > 1) budget.spend(hops)
      return at
    }
    at = ((head & 0x3f) << 8) | (message[at + 1] ?? 0)
  }
  return -1
}

/**
 * The position after the name at `at`, which may end with a pointer; 0 if it is malformed or
 * truncated. The pointer is not followed.
 */
export function findNameEnd(octets: Uint8Array, at: Octets, end: Octets): Octets {
  const last = at + MAX_NAME < end ? at + MAX_NAME : end
  for (let pos = at; pos < last;) {
    const head = octets[pos]!
    if (head === 0) return pos + 1
    if (head >= 0xc0) return pos + 2
    if (head > MAX_LABEL) return 0
    pos += 1 + head
  }
  return 0
}
