import { open, type FileHandle } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'

const CHUNK: Octets = 1 << 20

/** An open log: its decompressed octets and the progress. */
export interface Source {
  /** As named on the command line. */
  readonly file: string
  readonly chunks: AsyncIterable<Buffer>
  /** Octets of the file read so far, compressed or not. */
  readonly read: () => Octets
}

/**
 * Opens a log. Gzip (RFC 1952) is detected by its magic number, not by the file name; `-` is standard
 * input.
 *
 * Iterating throws InterdictError REPLAY_UNREADABLE. A truncated gzip file yields what it has and then
 * throws REPLAY_TORN.
 */
export function openLog(file: string): Source {
  const at = { read: 0 }
  return { file, chunks: readOctets(file, at), read: () => at.read }
}

async function* readOctets(file: string, at: { read: Octets }): AsyncGenerator<Buffer> {
  const raw = file === '-' ? fromInput(at) : fromFile(file, await openFile(file), at)
  try {
    const first = await raw.next()
    if (first.done === true) return
    const isPacked = first.value[0] === 0x1f && first.value[1] === 0x8b
    if (isPacked) yield* gunzip(first.value, raw, file)
    else {
      yield first.value
      yield* raw
    }
  } finally {
    await raw.return(undefined)
  }
}

async function* gunzip(
  first: Buffer,
  raw: AsyncGenerator<Buffer>,
  file: string
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK })
  const feed = pipe(first, raw, gunzip)
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw failure('REPLAY_TORN', file, reasonOf(error))
  }
  await feed
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file)
  } catch (error) {
    throw unreadable(file, error)
  }
}

/**
 * Reads into two buffers in turn: one is filled while the other is parsed. Allocating a buffer for
 * each chunk would cost a tenth of the time spent on a lookup.
 */
async function* fromFile(
  file: string,
  handle: FileHandle,
  at: { read: Octets }
): AsyncGenerator<Buffer> {
  let [chunk, other] = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)]
  try {
    let reading = handle.read(chunk, 0, CHUNK)
    for (;;) {
      const { bytesRead } = await reading
      if (bytesRead === 0) return
      at.read += bytesRead
      reading = handle.read(other, 0, CHUNK)
      // The error surfaces at the next await; a caller that stops early never awaits.
      reading.catch(() => undefined)
      yield chunk.subarray(0, bytesRead)
      ;[chunk, other] = [other, chunk]
    }
  } catch (error) {
    throw unreadable(file, error)
  } finally {
    await handle.close()
  }
}

async function* fromInput(at: { read: Octets }): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      at.read += chunk.length
      yield chunk
    }
  } catch (error) {
    throw unreadable('-', error)
  }
}

function unreadable(file: string, error: unknown): Error {
  return failure('REPLAY_UNREADABLE', file, reasonOf(error))
}

/** Writes with backpressure; the reading side reports errors. */
async function pipe(
  first: Buffer,
  raw: AsyncGenerator<Buffer>,
  gunzip: ReturnType<typeof createGunzip>
): Promise<void> {
  try {
    for (let chunk: Buffer | undefined = first; chunk !== undefined && !gunzip.destroyed;) {
      await write(chunk, gunzip)
      const next = await raw.next()
      chunk = next.done === true ? undefined : next.value
    }
    gunzip.end()
  } catch (error) {
    gunzip.destroy(error as Error)
  }
}

/** Resolves when a chunk has been consumed and may be refilled, or the stream is closed. */
function write(chunk: Buffer, gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise(resolve => {
    gunzip.once('close', resolve)
    gunzip.write(chunk, () => {
      gunzip.off('close', resolve)
      resolve()
    })
  })
}
