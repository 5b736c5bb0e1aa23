import { writeFileAtomic } from '../../base/atomic-file.js'
import { failure } from '../../base/error.js'

/** Writes a bundle, whole or not at all. @throws InterdictError BUNDLE_WRITE */
export function writeBundle(path: string, octets: Uint8Array): void {
  try {
    writeFileAtomic(path, octets)
  } catch (error) {
    throw failure('BUNDLE_WRITE', path, (error as Error).message)
  }
}
