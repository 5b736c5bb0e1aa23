import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Octets } from '../../base/units.js'
import { MAX_CONTENT } from '../../policy/history/history-folder.js'

/** @returns a test whether a file is the compressed form of the content with this SHA-256 */
export function isContent(sha256: string): (path: string) => Promise<boolean> {
  return async path => {
    const hash = createHash('sha256')
    try {
      await pipeline(createReadStream(path), createGunzip(), async unpacked => {
        let size: Octets = 0
        for await (const chunk of unpacked as AsyncIterable<Buffer>) {
          size += chunk.length
          if (size > MAX_CONTENT) throw new Error('it is too long')
          hash.update(chunk)
        }
      })
    } catch (error) {
      // Not compressed data; what the system refuses is an error of the disk.
      if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error
      return false
    }
    return hash.digest('hex') === sha256
  }
}
