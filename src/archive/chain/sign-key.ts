import type { KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { privateKeyOf } from '../../base/ed25519.js'
import { failure } from '../../base/error.js'

const OTHERS = 0o077

/**
 * The private key that lines of the chain are signed with.
 *
 * @throws InterdictError CHAIN_KEY, where it cannot be read, is no key, or others can read it
 */
export function readSignKey(path: string): KeyObject {
  try {
    const { mode } = statSync(path)
    if ((mode & OTHERS) !== 0) {
      const shown = (mode & 0o777).toString(8)
      throw new Error(`its mode is ${shown}, wanted one for its owner alone`)
    }
    return privateKeyOf(readFileSync(path))
  } catch (error) {
    throw failure('CHAIN_KEY', path, error instanceof Error ? error.message : String(error))
  }
}
