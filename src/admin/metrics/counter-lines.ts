import type { Octets } from '../../base/units.js'

/** How many lines are written together. */
const CHUNK = 64
const ZERO = 0x30

/** Written lines of some counters. */
interface Chunk {
  /** Of all counters: none ever decreases, so an equal sum is a sum of equal counters. */
  sum: number
  octets: Buffer
  /** Where each number ends in `octets`. */
  readonly ends: Uint32Array
  /** The least number that does not fit where it is; 0: the counter has no line. */
  readonly limits: Float64Array
}

/**
 * The lines of many counters on the metrics page, kept as octets: a scrape writes the digits of those that have
 * changed over the ones before. A line is made again only when its number gets longer, with the others of its chunk.
 */
export class CounterLines {
  private readonly chunks: Chunk[]

  /**
   * @param positions of the counters in the values
   * @param startOf the line of a counter up to its number
   * @param withZeros whether counters of 0 have a line
   */
  constructor(
    private readonly positions: ArrayLike<number>,
    private readonly startOf: (position: number) => string,
    private readonly withZeros: boolean
  ) {
    this.chunks = Array.from({ length: Math.ceil(positions.length / CHUNK) }, newChunk)
  }

  /** All lines in order. They are valid until the next call. */
  write(values: Float64Array): Uint8Array[] {
    const { positions, withZeros } = this
    const written: Uint8Array[] = []
    this.chunks.forEach((chunk, number) => {
      const from = number * CHUNK
      const end = Math.min(from + CHUNK, positions.length)
      let sum = 0
      for (let i = from; i < end; i++) sum += values[positions[i]!]!
      if (sum === 0 && !withZeros) return
      if (sum < chunk.sum || (sum > chunk.sum && !this.overwrite(chunk, from, end, values)))
        this.rewrite(chunk, from, end, values)
      chunk.sum = sum
      written.push(chunk.octets)
    })
    return written
  }

  /** @returns false: a number has more digits now, or its first line */
  private overwrite(chunk: Chunk, from: number, end: number, values: Float64Array): boolean {
    const { octets, ends, limits } = chunk
    for (let i = from; i < end; i++) {
      const value = values[this.positions[i]!]!
      if (value === 0 && limits[i - from] === 0) continue
      if (value >= limits[i - from]!) return false
      let at = ends[i - from]!
      for (let rest = value; rest > 0;) {
        const tens = Math.floor(rest / 10)
        octets[--at] = ZERO + rest - 10 * tens
        rest = tens
      }
    }
    return true
  }

  private rewrite(chunk: Chunk, from: number, end: number, values: Float64Array): void {
    const parts: Buffer[] = []
    let at: Octets = 0
    for (let i = from; i < end; i++) {
      const value = values[this.positions[i]!]!
      chunk.limits[i - from] = 0
      if (value === 0 && !this.withZeros) continue
      const digits = String(value)
      const line = Buffer.from(`${this.startOf(this.positions[i]!)}${digits}\n`)
      parts.push(line)
      at += line.length
      chunk.ends[i - from] = at - 1
      chunk.limits[i - from] = 10 ** digits.length
    }
    chunk.octets = Buffer.concat(parts)
  }
}

/** Written at first: no sum is as large. */
function newChunk(): Chunk {
  const [ends, limits] = [new Uint32Array(CHUNK), new Float64Array(CHUNK)]
  return { sum: Infinity, octets: Buffer.alloc(0), ends, limits }
}
