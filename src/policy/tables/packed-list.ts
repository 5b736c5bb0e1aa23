/**
 * A list of objects in shared memory, of which each thread decodes what it uses. A worker answers nothing while it
 * takes a message, and 300,000 objects in one take it half a second.
 */
export interface PackedListBuffers {
  /** Number of objects. */
  readonly length: number
  /** Blocks of `BLOCK` objects as JSON, which V8 writes and reads faster than its own form of messages. */
  readonly octets: SharedArrayBuffer
  /** Where each block begins in `octets`, and where the last one ends. */
  readonly starts: SharedArrayBuffer
}

/** The objects around one that is used are decoded with it: 16 take about 50 µs. */
const BLOCK = 16

/** Lists that this thread has decoded. */
const known = new WeakMap<PackedListBuffers, PackedList<unknown>>()

/**
 * Packs values that JSON can hold. Arrays are best: the names of fields would take most of the time, and most of
 * the memory.
 */
export class ListPacker {
  length = 0
  private block: unknown[] = []
  private readonly blocks: Uint8Array[] = []

  /** @returns its index */
  add(value: unknown): number {
    if (this.block.push(value) === BLOCK) this.endBlock()
    return this.length++
  }

  finish(): PackedListBuffers {
    if (this.block.length > 0) this.endBlock()
    const { blocks, length } = this
    const starts = new Uint32Array(new SharedArrayBuffer(4 * (blocks.length + 1)))
    for (const [i, { length }] of blocks.entries()) starts[i + 1] = starts[i]! + length
    const octets = new Uint8Array(new SharedArrayBuffer(starts[blocks.length]!))
    for (const [i, block] of blocks.entries()) octets.set(block, starts[i])
    return { length, octets: octets.buffer, starts: starts.buffer }
  }

  private endBlock(): void {
    this.blocks.push(Buffer.from(JSON.stringify(this.block)))
    this.block = []
  }
}

/** The objects of a list: always the same ones. @param fromPacked makes an object of what is stored of it */
export function unpackList<T>(
  list: PackedListBuffers,
  fromPacked: (packed: never) => T
): PackedList<T> {
  const found = known.get(list) as PackedList<T> | undefined
  if (found !== undefined) return found
  const made = new PackedList(list, fromPacked as (packed: unknown) => T)
  known.set(list, made)
  return made
}

/** The values of a list as they were packed, without keeping them: for those who need a little of each. */
export function* packedValues({ octets, starts }: PackedListBuffers): Generator {
  const text = Buffer.from(octets)
  const ends = new Uint32Array(starts)
  for (let block = 1; block < ends.length; block++)
    yield* JSON.parse(text.toString('utf8', ends[block - 1], ends[block])) as unknown[]
}

/** Decodes the objects of a list, each block of them when one is first used. */
export class PackedList<T> {
  readonly length: number
  private readonly octets: Buffer
  private readonly starts: Uint32Array
  /** Those that are undefined are still to be decoded. */
  private readonly objects: (T | undefined)[]

  constructor(
    { length, octets, starts }: PackedListBuffers,
    private readonly fromPacked: (packed: unknown) => T
  ) {
    this.length = length
    this.objects = new Array<T | undefined>(length)
    this.octets = Buffer.from(octets)
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
    const text = this.octets.toString('utf8', this.starts[block], this.starts[block + 1])
    const packed = JSON.parse(text) as unknown[]
    for (const [i, one] of packed.entries()) this.objects[BLOCK * block + i] = this.fromPacked(one)
    return this.objects[index]
  }
}
