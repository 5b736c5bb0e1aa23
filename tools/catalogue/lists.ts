import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { readList, type ListResult } from '../../src/policy/rules/lists/read-list.js'
import { decompress } from '../../src/policy/rules/lists/decompress.js'
import { hostNamesIn } from './host-names.js'

/** Maximum octets of a list, compressed and decompressed. Lists of one app have less than 1 MB. */
const MAX_SIZE = 64 * 1024 * 1024
const DOWNLOAD_TIMEOUT = 60_000

/**
 * Reads a list of any supported format from a file or a URL, up to the maximum size.
 *
 * @throws Error with the reason, if it cannot be read
 */
export async function readListFrom(place: string): Promise<ListResult> {
  const octets = await readOctets(place)
  return readList({ id: basename(place) }, [{ octets, file: place, displayName: place }])
}

/**
 * Reads the host names in texts of any kind from files or URLs, such as JSON or source code.
 *
 * @param match finds the names: its first group, or the whole match; default: every host name
 * @throws Error with the reason, if one cannot be read
 */
export async function readHostNames(
  places: readonly string[],
  match?: RegExp
): Promise<ListResult> {
  const names = new Set<string>()
  for (const place of places) {
    const text = new TextDecoder().decode(await readOctets(place))
    for (const name of hostNamesIn(text, match)) names.add(name)
  }
  const octets = Buffer.from([...names].join('\n'))
  const displayName = places.join(', ')
  return readList({ id: 'names', format: 'domains' }, [{ octets, file: displayName, displayName }])
}

async function readOctets(place: string): Promise<Uint8Array> {
  const packed = /^https?:/.test(place) ? await download(place) : await readUpTo(place)
  const { octets, why } = await decompress(packed, MAX_SIZE)
  if (octets === undefined) throw new Error(`${place}: ${why ?? tooLarge}`)
  return octets
}

const tooLarge = `larger than ${MAX_SIZE / 1024 / 1024} MB`

async function readUpTo(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    return await readAll(file.createReadStream(), path)
  } finally {
    await file.close()
  }
}

async function download(url: string): Promise<Uint8Array> {
  const { ok, status, body } = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT) })
  if (!ok || body === null) throw new Error(`${url}: status ${status}`)
  return readAll(body, url)
}

async function readAll(pieces: AsyncIterable<Uint8Array>, place: string): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces) {
    length += piece.length
    if (length > MAX_SIZE) throw new Error(`${place}: ${tooLarge}`)
    all.push(piece)
  }
  return Buffer.concat(all)
}
