import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { failure } from '../base/error.js'

/** A public key as settings and bundles have it: SubjectPublicKeyInfo (RFC 8410 §4) in base64. */
export type PublicKey = string

const PUBLIC_KEY = /^[A-Za-z0-9+/]{59}=$/

/** The key of a text, if it is an Ed25519 public key. */
export function readPublicKey(text: string): KeyObject | undefined {
  if (!PUBLIC_KEY.test(text)) return undefined
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' })
    // The same key has one text, so that texts can be compared.
    return key.asymmetricKeyType === 'ed25519' && showPublicKey(key) === text ? key : undefined
  } catch {
    return undefined
  }
}

export function showPublicKey(key: KeyObject): PublicKey {
  return key.export({ format: 'der', type: 'spki' }).toString('base64')
}

/** A new pair of keys: the private one as PEM (PKCS #8), as OpenSSL writes and reads it. */
export function newKeys(): { readonly privatePem: string; readonly publicKey: PublicKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const privatePem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  return { privatePem, publicKey: showPublicKey(publicKey) }
}

/**
 * Reads a private key.
 *
 * @throws InterdictError BUNDLE_KEY
 */
export async function readPrivateKey(file: string): Promise<KeyObject> {
  let key: KeyObject
  try {
    key = createPrivateKey(await readFile(file))
  } catch (error) {
    throw failure('BUNDLE_KEY', file, error instanceof Error ? error.message : String(error))
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw failure('BUNDLE_KEY', file, 'it is of another kind')
  return key
}
