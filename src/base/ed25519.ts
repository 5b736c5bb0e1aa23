import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'

/** A public key as text: SubjectPublicKeyInfo (RFC 8410 §4) in base64. */
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
export function generateKeys(): { readonly privatePem: string; readonly publicKey: PublicKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const privatePem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  return { privatePem, publicKey: showPublicKey(publicKey) }
}

/** A private key from PEM. Throws an error that says what it is instead. */
export function parsePrivateKey(pem: Uint8Array): KeyObject {
  const key = createPrivateKey(Buffer.from(pem))
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('it is of another kind')
  return key
}
