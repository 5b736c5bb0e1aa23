import { createPublicKey, type KeyObject } from 'node:crypto'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { readPublicKey, showPublicKey, type PublicKey } from '../../base/files/ed25519.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { RootPlace } from '../root/root-place.js'
import type { Role } from '../root/root.js'
import type { TrustedKeys } from './signatures.js'

/** Trusted keys as configured: keys, and files with one key each. */
export interface TrustSettings {
  readonly keys: readonly PublicKey[]
  readonly keyFiles: readonly string[]
  /** How many different keys must have signed. */
  readonly signatures: number
  /** In place of all these: the root of trust. */
  readonly root?: (RootPlace & { readonly role: Role }) | undefined
}

/**
 * Reads the trusted keys of the settings. `read-trust.ts` also reads a root of trust, which the control thread does not: it
 * would load schemas.
 *
 * @throws InterdictError BUNDLE_TRUST
 */
export async function readConfiguredKeys({
  keys,
  keyFiles,
  signatures
}: Omit<TrustSettings, 'root'>): Promise<TrustedKeys> {
  const read = await Promise.all(keyFiles.map(readKeyFile))
  for (const key of keys) {
    if (readPublicKey(key) === undefined)
      throw failure('BUNDLE_TRUST', key, 'not an Ed25519 public key')
  }
  const all = [...new Set([...keys, ...read])]
  if (all.length < signatures) {
    const why = `${signatures} signatures are required, but only ${all.length} different keys are trusted`
    throw failure('BUNDLE_TRUST', [...keys, ...keyFiles].join(', '), why)
  }
  return { keys: all, signatures }
}

/** Reads one key, as printed by `interdict bundle keygen` or as PEM. */
async function readKeyFile(file: string): Promise<PublicKey> {
  let text: string
  try {
    text = (await readBoundedFile(file, MAX_SECRET_FILE)).toString().trim()
  } catch (error) {
    throw failure('BUNDLE_TRUST', file, reasonOf(error))
  }
  const key = text.startsWith('-----BEGIN PUBLIC KEY-----') ? readPem(text) : readPublicKey(text)
  if (key?.asymmetricKeyType === 'ed25519') return showPublicKey(key)
  throw failure('BUNDLE_TRUST', file, 'expected one Ed25519 public key in base64 or PEM')
}

function readPem(text: string): KeyObject | undefined {
  try {
    return createPublicKey(text)
  } catch {
    return undefined
  }
}
