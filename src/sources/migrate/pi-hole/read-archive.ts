import { gunzipSync, inflateRawSync } from 'node:zlib'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { SourceFile } from '../draft/source-file.js'

/** Largest content that is unpacked, against archives that grow without end. */
const MAX_UNPACKED = 512 * 1024 * 1024
const TAR_BLOCK = 512
const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50]
const DEFLATED = 8

export const isArchive = (octets: Uint8Array): boolean => isZip(octets) || isGzip(octets)
const isZip = (octets: Uint8Array): boolean => octets[0] === 0x50 && octets[1] === 0x4b
const isGzip = (octets: Uint8Array): boolean => octets[0] === 0x1f && octets[1] === 0x8b

/**
 * The files of a zip or tar.gz archive, by path without a leading `./`.
 *
 * @throws InterdictError MIGRATE_UNREADABLE
 */
export function readArchive({ file, octets }: SourceFile): ReadonlyMap<string, Uint8Array> {
  try {
    if (isZip(octets)) return readZip(Buffer.from(octets))
    return readTar(gunzipSync(octets, { maxOutputLength: MAX_UNPACKED }))
  } catch (error) {
    throw failure('MIGRATE_UNREADABLE', file, reasonOf(error))
  }
}

/** APPNOTE.TXT of PKWARE, §4.3. */
function readZip(octets: Buffer): ReadonlyMap<string, Uint8Array> {
  let at = octets.length - 22
  while (at >= 0 && octets.readUInt32LE(at) !== END) at--
  if (at < 0) throw new Error('the zip archive is cut off')
  const files = new Map<string, Uint8Array>()
  let [entry, total] = [octets.readUInt32LE(at + 16), 0]
  for (let left = octets.readUInt16LE(at + 10); left > 0; left--) {
    if (octets.readUInt32LE(entry) !== CENTRAL) throw new Error('the zip archive is damaged')
    const [method, size] = [octets.readUInt16LE(entry + 10), octets.readUInt32LE(entry + 20)]
    total += octets.readUInt32LE(entry + 24)
    if (total > MAX_UNPACKED) throw new Error('the zip archive has more than 512 MB')
    const nameLength = octets.readUInt16LE(entry + 28)
    const name = octets.toString('utf8', entry + 46, entry + 46 + nameLength)
    const local = octets.readUInt32LE(entry + 42)
    if (octets.readUInt32LE(local) !== LOCAL) throw new Error('the zip archive is damaged')
    const start = local + 30 + octets.readUInt16LE(local + 26) + octets.readUInt16LE(local + 28)
    const packed = octets.subarray(start, start + size)
    const isDeflated = method === DEFLATED
    if (!isDeflated && method !== 0) throw new Error(`compression method ${method} of ${name}`)
    if (!name.endsWith('/'))
      files.set(
        cleanPath(name),
        isDeflated ? inflateRawSync(packed, { maxOutputLength: MAX_UNPACKED }) : packed
      )
    entry += 46 + nameLength + octets.readUInt16LE(entry + 30) + octets.readUInt16LE(entry + 32)
  }
  return files
}

/** The ustar format, IEEE 1003.1. */
function readTar(octets: Buffer): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const text = (at: number, length: number): string =>
    octets.toString('utf8', at, at + length).replace(/\0.*$/s, '')
  for (let at = 0; at + TAR_BLOCK <= octets.length && octets[at] !== 0;) {
    const size = parseInt(text(at + 124, 12).trim() || '0', 8)
    if (!(size >= 0)) throw new Error('the tar archive is damaged')
    const prefix = text(at + 257, 5) === 'ustar' ? text(at + 345, 155) : ''
    const name = `${prefix === '' ? '' : `${prefix}/`}${text(at, 100)}`
    const kind = text(at + 156, 1)
    const start = at + TAR_BLOCK
    if (kind === '' || kind === '0')
      files.set(cleanPath(name), octets.subarray(start, start + size))
    at = start + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK
  }
  return files
}

const cleanPath = (name: string): string => name.replace(/^(\.?\/)+/, '')
