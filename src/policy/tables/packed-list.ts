import { deserialize, serialize } from 'node:v8'
import type { Octets } from '../../base/units.js'

/**
 * A list of objects in shared memory, of which each thread decodes what it uses. A worker answers nothing while it
 * takes a message, and 300,000 objects in one take it half a second.
 */
export interface PackedListBuffers {
  /** Number of objects. */
  readonly length: number
  /** Blocks of `BLOCK` objects, as V8 writes them into a message. */
  readonly octets: SharedArrayBuffer
  /** Where each block begins in `octets`, and where the last one ends. */
  readonly starts: SharedArrayBuffer
}

/** The objects around one that is used are decoded with it: 16 take about 50 µs. */
const BLOCK = 16
/** V8 aligns text of 16-bit characters, relative to the start of the block. */
const ALIGNMENT: Octets = 8

/** Lists that this thread has packed or decoded. */
const known = new WeakMap<PackedListBuffers, PackedList<unknown>>()

/** Packs objects. This thread goes on using the objects themselves. @param toPacked what is stored of an object */
export function packList<T>(
  objects: readonly T[],
  toPacked: (object: T) => unknown
): PackedListBuffers {
  const blocks: Uint8Array[] = []
  for (let at = 0; at < objects.length; at += BLOCK)
    blocks.push(serialize(objects.slice(at, at + BLOCK).map(toPacked)))
  const starts = new Uint32Array(new SharedArrayBuffer(4 * (blocks.length + 1)))
  for (const [i, { length }] of blocks.entries())
    starts[i + 1] = starts[i]! + Math.ceil(length / ALIGNMENT) * ALIGNMENT
  const octets = new Uint8Array(new SharedArrayBuffer(starts[blocks.length]!))
  for (const [i, block] of blocks.entries()) octets.set(block, starts[i])
  const list = { length: objects.length, octets: octets.buffer, starts: starts.buffer }
  known.set(list, new PackedList(list, undefined, [...objects]))
  return list
}

/** The objects of a list: always the same ones. @param fromPacked makes an object of what is stored of it */
export function unpackList<T>(
  list: PackedListBuffers,
  fromPacked: (packed: never) => T
): PackedList<T> {
  const found = known.get(list) as PackedList<T> | undefined
  if (found !== undefined) return found
  const objects = new Array<T | undefined>(list.length)
  const made = new PackedList(list, fromPacked as (packed: unknown) => T, objects)
  known.set(list, made)
  return made
}

/** Decodes the objects of a list, each block of them when one is first used. */
export class PackedList<T> {
  readonly length: number
  private readonly octets: Uint8Array
  private readonly starts: Uint32Array

  /** @param objects of which those that are undefined have to be decoded */
  constructor(
    { length, octets, starts }: PackedListBuffers,
    private readonly fromPacked: ((packed: unknown) => T) | undefined,
    private readonly objects: (T | undefined)[]
  ) {
    this.length = length
    this.octets = new Uint8Array(octets)
    this.starts = new Uint32Array(starts)
  }

  get all(): readonly T[] {
    for (let at = 0; at < this.length; at += BLOCK) this.at(at)
    return this.objects as T[]
  }

  /** Undefined: it has no such object. */
  at(index: number): T | undefined {
    return this.objects[index] ?? this.decode(index)
  }

  private decode(index: number): T | undefined {
    if (index < 0 || index >= this.length) return undefined
    const block = Math.floor(index / BLOCK)
    const octets = this.octets.subarray(this.starts[block], this.starts[block + 1])
    const packed = deserialize(octets) as unknown[]
    for (const [i, one] of packed.entries()) this.objects[BLOCK * block + i] = this.fromPacked!(one)
    return this.objects[index]
  }
}
