import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { sha256Of } from '../../base/bytes/sha256.js'
import type { Octets } from '../../base/units.js'
import { contentPath } from '../../lookups/central/history-layout.js'
import { inMemory, type ShippedFile } from './log-store.js'

const compress = promisify(gzip)

/** A content as it is at the centre, for all gateways. */
export async function sharedContent(content: Uint8Array): Promise<ShippedFile> {
  return memoryFile(contentPath(sha256Of(content)), await compress(content))
}

/** A file that is in memory. @param path in the central folder */
export function memoryFile(path: string, octets: Buffer): ShippedFile {
  const read = (offset: Octets): AsyncIterable<Buffer> => inMemory(octets, offset)
  return { path, sha256: sha256Of(octets), size: octets.length, read }
}
