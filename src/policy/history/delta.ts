import type { Octets } from '../../base/units.js'

/** Octets that are compared at once. */
const BLOCK: Octets = 64 * 1024

/** What a content differs in from another: all between a common head and a common tail. */
export interface Delta {
  readonly head: Octets
  readonly tail: Octets
  readonly middle: Uint8Array
}

/** A change in one place of a file costs as much as the change, however long the file is. */
export function deltaOf(base: Uint8Array, content: Uint8Array): Delta {
  const most = Math.min(base.length, content.length)
  const head = commonHead(base, content, most)
  const tail = commonTail(base, content, most - head)
  return { head, tail, middle: content.subarray(head, content.length - tail) }
}

export function applyDelta(base: Uint8Array, { head, tail, middle }: Delta): Buffer {
  return Buffer.concat([base.subarray(0, head), middle, base.subarray(base.length - tail)])
}

function commonHead(one: Uint8Array, other: Uint8Array, most: Octets): Octets {
  let at = 0
  while (at + BLOCK <= most && isSame(one, at, other, at)) at += BLOCK
  while (at < most && one[at] === other[at]) at++
  return at
}

function commonTail(one: Uint8Array, other: Uint8Array, most: Octets): Octets {
  let count = 0
  const [a, b] = [one.length, other.length]
  while (count + BLOCK <= most && isSame(one, a - count - BLOCK, other, b - count - BLOCK))
    count += BLOCK
  while (count < most && one[a - count - 1] === other[b - count - 1]) count++
  return count
}

function isSame(one: Uint8Array, at: Octets, other: Uint8Array, from: Octets): boolean {
  return Buffer.compare(one.subarray(at, at + BLOCK), other.subarray(from, from + BLOCK)) === 0
}
