import { crc32 } from 'node:zlib'
import type { PackFiles } from './sign-pack.js'

/*
 * A ZIP file without compression. PKWARE APPNOTE 6.3.10: local headers (§4.3.7) with the files, the central
 * directory (§4.3.12) and its end (§4.3.16). All times are left empty, so that equal files give equal
 * octets.
 */

/** MS-DOS date of 1 January 1980, the first there is. */
const DATE = 0x0021
const VERSION = 20
/** File names are UTF-8. §4.4.4, bit 11. */
const UTF8 = 0x0800
/** Made on Unix; a regular file, readable by all. §4.4.2, §4.4.15. */
const MADE_BY = 0x0314
const MODE = 0o100644

export function zip(files: PackFiles): Uint8Array {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [path, content] of files) {
    const name = Buffer.from(path)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(VERSION, 0)
    common.writeUInt16LE(UTF8, 2)
    common.writeUInt16LE(DATE, 8)
    common.writeUInt32LE(crc32(content), 10)
    common.writeUInt32LE(content.length, 14)
    common.writeUInt32LE(content.length, 18)
    common.writeUInt16LE(name.length, 22)
    const entry = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, name, content])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE((MODE << 16) >>> 0, 6)
    rest.writeUInt32LE(at, 10)
    const madeBy = Buffer.alloc(2)
    madeBy.writeUInt16LE(MADE_BY)
    directory.push(Buffer.from('PK\u0001\u0002'), madeBy, common, rest, name)
    parts.push(entry)
    at += entry.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(files.size, 4)
  end.writeUInt16LE(files.size, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(at, 12)
  return Buffer.concat([...parts, central, Buffer.from('PK\u0005\u0006'), end])
}
