import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { readList, type ListResult } from '../../src/rules/lists/read-list.js'
import { decompress } from '../../src/rules/lists/decompress.js'

/** Octets of a list, packed and unpacked: real ones of one app have less than one of these. */
const MOST = 64 * 1024 * 1024
/** How long a list may take to come. */
const PATIENCE = 60_000

/**
 * Reads a list, of any format that rules know, from a file or a URL. Where it is too large, what is
 * read of it ends there.
 *
 * @throws Error that says why it cannot be read
 */
export async function listFrom(place: string): Promise<ListResult> {
  const packed = /^https?:/.test(place) ? await fetched(place) : await readUpTo(place)
  const { octets, why } = await decompress(packed, MOST)
  if (octets === undefined) throw new Error(`${place}: ${why ?? tooLarge}`)
  return readList({ id: basename(place) }, [{ octets, file: place, displayName: place }])
}

const tooLarge = `larger than ${MOST / 1024 / 1024} MB`

async function readUpTo(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    return await gathered(file.createReadStream(), path)
  } finally {
    await file.close()
  }
}

async function fetched(url: string): Promise<Uint8Array> {
  const { ok, status, body } = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) })
  if (!ok || body === null) throw new Error(`${url}: status ${status}`)
  return gathered(body, url)
}

async function gathered(pieces: AsyncIterable<Uint8Array>, place: string): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces) {
    length += piece.length
    if (length > MOST) throw new Error(`${place}: ${tooLarge}`)
    all.push(piece)
  }
  return Buffer.concat(all)
}
