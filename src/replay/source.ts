import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { failure } from '../base/error.js'
import type { Octets } from '../base/units.js'

const CHUNK: Octets = 1 << 20

/** A log being read: its octets, unpacked, and how far it is. */
export interface Source {
  /** As it was given. */
  readonly file: string
  readonly chunks: AsyncIterable<Buffer>
  /** Octets read of the file so far, packed as they are. */
  readonly read: () => Octets
}

/**
 * Opens a log, which may be packed with gzip (RFC 1952), whatever its name says; `-` is standard
 * input.
 *
 * Iterating throws InterdictError REPLAY_UNREADABLE. A packed file that ends too early gives what is
 * in it, and then throws REPLAY_TORN.
 */
export function openLog(file: string): Source {
  let read: Octets = 0
  async function* raw(): AsyncGenerator<Buffer> {
    // Opened when it is waited for: an error before that would be nobody's.
    const stream = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: CHUNK })
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        read += chunk.length
        yield chunk
      }
    } catch (error) {
      throw failure('REPLAY_UNREADABLE', file, (error as Error).message)
    }
  }
  return { file, chunks: unpacked(raw(), file), read: () => read }
}

async function* unpacked(raw: AsyncGenerator<Buffer>, file: string): AsyncGenerator<Buffer> {
  const first = await raw.next()
  if (first.done === true) return
  const isPacked = first.value[0] === 0x1f && first.value[1] === 0x8b
  if (!isPacked) {
    yield first.value
    yield* raw
    return
  }
  const gunzip = createGunzip({ chunkSize: CHUNK })
  const feed = pour(first.value, raw, gunzip)
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw failure('REPLAY_TORN', file, (error as Error).message)
  }
  await feed
}

/** Writes as fast as it is taken; what fails here is told by the other end. */
async function pour(
  first: Buffer,
  raw: AsyncGenerator<Buffer>,
  gunzip: ReturnType<typeof createGunzip>
): Promise<void> {
  try {
    for (let chunk: Buffer | undefined = first; chunk !== undefined;) {
      if (!gunzip.write(chunk) && !gunzip.destroyed) {
        await new Promise(resolve => {
          gunzip.once('drain', resolve).once('close', resolve)
        })
      }
      const next = await raw.next()
      chunk = next.done === true ? undefined : next.value
    }
    gunzip.end()
  } catch (error) {
    gunzip.destroy(error as Error)
  }
}
