import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parsePrivateKey } from '../../base/ed25519.js'
import { failure } from '../../base/error.js'

/**
 * Reads a private key.
 *
 * @throws InterdictError BUNDLE_KEY
 */
export async function readPrivateKey(file: string): Promise<KeyObject> {
  try {
    return parsePrivateKey(await readFile(file))
  } catch (error) {
    throw failure('BUNDLE_KEY', file, error instanceof Error ? error.message : String(error))
  }
}
