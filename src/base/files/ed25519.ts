import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject
} from 'node:crypto'

/** A public key as text: SubjectPublicKeyInfo (RFC 8410 §4) in Base64. */
export type PublicKey = string

/** A signature, and the key that is said to have made it. */
export interface KeySignature {
  readonly key: PublicKey
  /** Base64. */
  readonly signature: string
}

const PUBLIC_KEY = /^[A-Za-z0-9+/]{59}=$/

/** Undefined if the text is not an Ed25519 public key. */
export function readPublicKey(text: string): KeyObject | undefined {
  if (!PUBLIC_KEY.test(text)) return undefined
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' })
    // Accept only the canonical text, so that keys can be compared as texts.
    return key.asymmetricKeyType === 'ed25519' && showPublicKey(key) === text ? key : undefined
  } catch {
    return undefined
  }
}

export function showPublicKey(key: KeyObject): PublicKey {
  return key.export({ format: 'der', type: 'spki' }).toString('base64')
}

/** Generates a key pair; the private key as PEM (PKCS #8), as OpenSSL reads and writes it. */
export function generateKeys(): { readonly privatePem: string; readonly publicKey: PublicKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const privatePem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  return { privatePem, publicKey: showPublicKey(publicKey) }
}

/** OpenSSL names the part of it that gave up, not what is wrong. */
function readPem(pem: Uint8Array): KeyObject {
  try {
    return createPrivateKey(Buffer.from(pem))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_OSSL_UNSUPPORTED') throw error
    throw new Error('it is not a private key in PEM', { cause: error })
  }
}

/** Reads a private key from PEM. Throws an error that says what is wrong with it. */
export function parsePrivateKey(pem: Uint8Array): KeyObject {
  const key = readPem(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('it is not an Ed25519 key')
  return key
}

/** Signs octets. RFC 8032 §5.1. @param key private */
export function signOctets(octets: Uint8Array, key: KeyObject): KeySignature {
  const signature = sign(null, octets, key).toString('base64')
  return { key: showPublicKey(createPublicKey(key)), signature }
}

/** True if the key has signed these octets. */
export function hasSigned({ key, signature }: KeySignature, octets: Uint8Array): boolean {
  const publicKey = readPublicKey(key)
  if (publicKey === undefined) return false
  return verify(null, octets, publicKey, Buffer.from(signature, 'base64'))
}
