import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { failure } from '../base/error.js'

/**
 * Writes a file so that whoever reads it meanwhile, and whoever finds it after the machine has stopped,
 * has all of it or what was there before.
 *
 * @throws InterdictError BUNDLE_WRITE
 */
export async function writeWhole(path: string, octets: Uint8Array): Promise<void> {
  // A gateway and a command may write the same file at the same time.
  const beside = `${path}.${process.pid}.new~`
  try {
    const file = await open(beside, 'w', 0o644)
    try {
      await file.writeFile(octets)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
    // The file is there whether or not its folder can be read.
    await sync(dirname(path)).catch(() => undefined)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined)
    throw failure('BUNDLE_WRITE', path, error instanceof Error ? error.message : String(error))
  }
}

/** So that a new name is on the disk as well. */
async function sync(folder: string): Promise<void> {
  const file = await open(folder)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
