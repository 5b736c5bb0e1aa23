import type { KeyObject } from 'node:crypto'
import { statSync } from 'node:fs'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { parsePrivateKey } from '../../base/files/ed25519.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'

const GROUP_AND_OTHERS = 0o077

/**
 * Reads the private key that signs chain entries.
 *
 * @throws InterdictError CHAIN_KEY if it cannot be read, is not a key, or is accessible to others
 */
export function readSignKey(path: string): KeyObject {
  const read = trySignKey(path)
  if (typeof read === 'string') throw failure('CHAIN_KEY', path, read)
  return read
}

/** The key, or the reason why it cannot be used. */
export function trySignKey(path: string): KeyObject | string {
  try {
    const { mode } = statSync(path)
    if ((mode & GROUP_AND_OTHERS) === 0)
      return parsePrivateKey(readBoundedFileSync(path, MAX_SECRET_FILE))
    return `its mode is ${(mode & 0o777).toString(8)}; only its owner may have access`
  } catch (error) {
    return reasonOf(error)
  }
}
