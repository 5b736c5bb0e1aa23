import { crc32 } from 'node:zlib'
import type { Octets } from '../../base/units.js'
import type { PackFiles } from './sign-pack.js'
import { appendStored, writeAll } from './stored-file.js'

/*
 * A ZIP file without compression. PKWARE APPNOTE 6.3.10: local headers (§4.3.7) with the files, the central
 * directory (§4.3.12) and its end (§4.3.16). All times are left empty, so that equal files give equal
 * octets. What does not fit into 32 bits is in the fields of ZIP64 (§4.3.14, §4.3.15, §4.5.3).
 */

/** MS-DOS date of 1 January 1980, the first there is. */
const DATE = 0x0021
/** Needed to extract: §4.4.3.2. */
const VERSION = 20
const VERSION_ZIP64 = 45
/** File names are UTF-8. §4.4.4, bit 11. */
const UTF8 = 0x0800
/** Made on Unix; a regular file, readable by all. §4.4.2, §4.4.15. */
const MADE_ON_UNIX = 0x0300
const MODE = 0o100644
const ZIP64 = 0x0001
const MAX_32 = 0xffffffff
const MAX_16 = 0xffff

/**
 * Writes a ZIP file. Throws the system's error.
 *
 * @param descriptor of an empty file
 * @param most the largest number that is written in 32 bits; tests make small files with ZIP64
 */
export function writeZip(descriptor: number, files: PackFiles, most = MAX_32 - 1): void {
  const directory: Buffer[] = []
  let at: Octets = 0
  for (const [path, content] of files) {
    const name = Buffer.from(path)
    const size = content.length
    const isLarge = size > most
    const crc = content instanceof Uint8Array ? crc32(content) : content.crc32
    const common = commonHeader({ crc, size: isLarge ? MAX_32 : size, name: name.length })
    const localExtra = isLarge ? extra([size, size]) : NOTHING
    const local = headerOf(common, isLarge, localExtra.length)
    const head = Buffer.concat([Buffer.from('PK\u0003\u0004'), local, name, localExtra])
    writeAll(descriptor, head)
    if (content instanceof Uint8Array) writeAll(descriptor, content)
    else appendStored(descriptor, content)
    const isFar = at > most
    const fields = [...(isLarge ? [size, size] : []), ...(isFar ? [at] : [])]
    const centralExtra = fields.length === 0 ? NOTHING : extra(fields)
    const needsZip64 = isLarge || isFar
    const madeBy = uint16(MADE_ON_UNIX | (needsZip64 ? VERSION_ZIP64 : VERSION))
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE((MODE << 16) >>> 0, 6)
    rest.writeUInt32LE(isFar ? MAX_32 : at, 10)
    const central = headerOf(common, needsZip64, centralExtra.length)
    directory.push(Buffer.from('PK\u0001\u0002'), madeBy, central, rest, name, centralExtra)
    at += head.length + size
  }
  const central = Buffer.concat(directory)
  writeAll(descriptor, central)
  writeAll(descriptor, endOf(files.size, central.length, at, most))
}

const NOTHING = Buffer.alloc(0)

/** The fields that local header and central directory share, after the version. */
function commonHeader({ crc, size, name }: { crc: number; size: Octets; name: Octets }): Buffer {
  const common = Buffer.alloc(22)
  common.writeUInt16LE(UTF8, 0)
  common.writeUInt16LE(DATE, 6)
  common.writeUInt32LE(crc, 8)
  common.writeUInt32LE(size, 12)
  common.writeUInt32LE(size, 16)
  common.writeUInt16LE(name, 20)
  return common
}

/** With the version before them, and the length of the extra field after them. */
function headerOf(common: Buffer, isZip64: boolean, extraLength: Octets): Buffer {
  const version = uint16(isZip64 ? VERSION_ZIP64 : VERSION)
  return Buffer.concat([version, common, uint16(extraLength)])
}

/** The extra field of ZIP64: §4.5.3. */
function extra(fields: readonly number[]): Buffer {
  return Buffer.concat([uint16(ZIP64), uint16(8 * fields.length), ...fields.map(uint64)])
}

/** @param at where the central directory begins */
function endOf(count: number, size: Octets, at: Octets, most: number): Buffer {
  const isLarge = count >= MAX_16 || size > most || at > most
  const end = Buffer.alloc(18)
  end.writeUInt16LE(isLarge ? MAX_16 : count, 4)
  end.writeUInt16LE(isLarge ? MAX_16 : count, 6)
  end.writeUInt32LE(isLarge ? MAX_32 : size, 8)
  end.writeUInt32LE(isLarge ? MAX_32 : at, 12)
  const last = Buffer.concat([Buffer.from('PK\u0005\u0006'), end])
  if (!isLarge) return last
  // §4.3.14: the length is that of what follows it.
  const record = Buffer.concat([
    ...[Buffer.from('PK\u0006\u0006'), uint64(44)],
    ...[uint16(MADE_ON_UNIX | VERSION_ZIP64), uint16(VERSION_ZIP64), Buffer.alloc(8)],
    ...[count, count, size, at].map(uint64)
  ])
  const disks = Buffer.alloc(4)
  disks.writeUInt32LE(1)
  const locator = [Buffer.from('PK\u0006\u0007'), Buffer.alloc(4), uint64(at + size), disks]
  return Buffer.concat([record, ...locator, last])
}

function uint16(value: number): Buffer {
  const octets = Buffer.alloc(2)
  octets.writeUInt16LE(value)
  return octets
}

function uint64(value: number): Buffer {
  const octets = Buffer.alloc(8)
  octets.writeBigUInt64LE(BigInt(value))
  return octets
}
