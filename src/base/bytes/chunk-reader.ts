import type { Octets } from '../units.js'

/** A stream ended within a value. */
export class TruncatedStream extends Error {
  constructor() {
    super('file is truncated')
  }
}

/** Reads a stream by counts of octets. */
export class ChunkReader {
  private rest: Buffer = Buffer.alloc(0)
  private readonly chunks: AsyncIterator<Buffer>

  constructor(stream: AsyncIterable<Buffer>) {
    this.chunks = stream[Symbol.asyncIterator]()
  }

  /** The next octet, which stays; undefined: the stream has ended. */
  async peek(): Promise<number | undefined> {
    await this.fill(1)
    return this.rest[0]
  }

  /** @throws TruncatedStream if the stream ends earlier */
  async read(count: Octets): Promise<Buffer> {
    if (!(await this.fill(count))) throw new TruncatedStream()
    return this.take(count)
  }

  /** The next `count` octets in pieces as they come. @throws TruncatedStream if the stream ends earlier */
  async *pieces(count: Octets): AsyncGenerator<Buffer> {
    for (let left = count; left > 0;) {
      if (!(await this.fill(1))) throw new TruncatedStream()
      const piece = this.take(Math.min(left, this.rest.length))
      left -= piece.length
      yield piece
    }
  }

  /** Ends the stream, wherever it is. */
  async close(): Promise<void> {
    await this.chunks.return?.()
  }

  private take(count: Octets): Buffer {
    const octets = this.rest.subarray(0, count)
    this.rest = this.rest.subarray(count)
    return octets
  }

  /** @returns whether there are so many octets */
  private async fill(count: Octets): Promise<boolean> {
    if (this.rest.length >= count) return true
    const parts = [this.rest]
    let size = this.rest.length
    while (size < count) {
      const next = await this.chunks.next()
      if (next.done === true) break
      parts.push(next.value)
      size += next.value.length
    }
    this.rest = Buffer.concat(parts)
    return size >= count
  }
}
