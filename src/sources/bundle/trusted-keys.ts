import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { readPublicKey, showPublicKey, type PublicKey } from '../../base/ed25519.js'
import { failure } from '../../base/error.js'
import type { TrustedKeys } from './signatures.js'

/** Whose signatures count, as settings say it: keys, and files that have one each. */
export interface TrustSettings {
  readonly keys: readonly PublicKey[]
  readonly keyFiles: readonly string[]
  /** So many different keys have to have signed. */
  readonly signatures: number
}

/**
 * Reads the trusted keys. They are read each time that a bundle is, so that a key that is replaced
 * counts no more.
 *
 * @throws InterdictError BUNDLE_TRUST
 */
export async function readTrustedKeys({
  keys,
  keyFiles,
  signatures
}: TrustSettings): Promise<TrustedKeys> {
  const read = await Promise.all(keyFiles.map(readKeyFile))
  for (const key of keys) {
    if (readPublicKey(key) === undefined) throw failure('BUNDLE_TRUST', key, 'it is none')
  }
  const all = [...new Set([...keys, ...read])]
  if (all.length < signatures) {
    const why = `${all.length} different keys can never sign ${signatures} times`
    throw failure('BUNDLE_TRUST', [...keys, ...keyFiles].join(', '), why)
  }
  return { keys: all, signatures }
}

/** One key: as `interdict bundle keygen` prints it, or as PEM. */
async function readKeyFile(file: string): Promise<PublicKey> {
  let text: string
  try {
    text = (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw failure('BUNDLE_TRUST', file, (error as Error).message)
  }
  const key = text.startsWith('-----BEGIN PUBLIC KEY-----') ? readPem(text) : readPublicKey(text)
  if (key?.asymmetricKeyType === 'ed25519') return showPublicKey(key)
  throw failure('BUNDLE_TRUST', file, 'wanted one Ed25519 public key, in base64 or as PEM')
}

function readPem(text: string): KeyObject | undefined {
  try {
    return createPublicKey(text)
  } catch {
    return undefined
  }
}
