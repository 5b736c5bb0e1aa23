import { open, type FileHandle } from 'node:fs/promises'
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
  const at = { read: 0 }
  return { file, chunks: unpacked(file, at), read: () => at.read }
}

async function* unpacked(file: string, at: { read: Octets }): AsyncGenerator<Buffer> {
  const raw = file === '-' ? fromInput(at) : fromFile(file, await opened(file), at)
  try {
    const first = await raw.next()
    if (first.done === true) return
    const isPacked = first.value[0] === 0x1f && first.value[1] === 0x8b
    if (isPacked) yield* gunzipped(first.value, raw, file)
    else {
      yield first.value
      yield* raw
    }
  } finally {
    await raw.return(undefined)
  }
}

async function* gunzipped(
  first: Buffer,
  raw: AsyncGenerator<Buffer>,
  file: string
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK })
  const feed = pour(first, raw, gunzip)
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw failure('REPLAY_TORN', file, (error as Error).message)
  }
  await feed
}

async function opened(file: string): Promise<FileHandle> {
  try {
    return await open(file)
  } catch (error) {
    throw unreadable(file, error)
  }
}

/**
 * Two chunks that are filled again and again, by turns: one is read into while the other is taken.
 * Memory that is new for each costs a tenth of all that is done with a lookup.
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
      // It fails where it is waited for; who takes no more of the file never waits.
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
  return failure('REPLAY_UNREADABLE', file, (error as Error).message)
}

/** Writes as fast as it is taken; what fails here is told by the other end. */
async function pour(
  first: Buffer,
  raw: AsyncGenerator<Buffer>,
  gunzip: ReturnType<typeof createGunzip>
): Promise<void> {
  try {
    for (let chunk: Buffer | undefined = first; chunk !== undefined && !gunzip.destroyed;) {
      await written(chunk, gunzip)
      const next = await raw.next()
      chunk = next.done === true ? undefined : next.value
    }
    gunzip.end()
  } catch (error) {
    gunzip.destroy(error as Error)
  }
}

/** Resolves when a chunk is taken, and may be filled again; or never will be. */
function written(chunk: Buffer, gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise(resolve => {
    gunzip.once('close', resolve)
    gunzip.write(chunk, () => {
      gunzip.off('close', resolve)
      resolve()
    })
  })
}
