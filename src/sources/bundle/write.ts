import { failure } from '../../base/error.js'
import { writeWhole } from '../../base/whole-file.js'

/** Writes a bundle, whole or not at all. @throws InterdictError BUNDLE_WRITE */
export function writeBundle(path: string, octets: Uint8Array): void {
  try {
    writeWhole(path, octets)
  } catch (error) {
    throw failure('BUNDLE_WRITE', path, (error as Error).message)
  }
}
