import { bundleFile, bundleParts, signedPart } from './bundle-file.js'

const ED25519 = 'Ed25519'
/** What precedes the 32 octets of a public key in its SubjectPublicKeyInfo. RFC 8410 §4 */
const SPKI = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]

/** As WebCrypto has it; the script cannot read it. */
export type PrivateKey = Parameters<typeof crypto.subtle.sign>[1]

export interface SigningKey {
  /** As the settings take it, and as `interdict bundle keygen` prints it. */
  readonly publicKey: string
  readonly privateKey: PrivateKey
}

/** Thrown for a file that is not an Ed25519 private key. */
export class KeyFileError extends Error {}

/** Whether this page can sign, or why not: a page without TLS has no WebCrypto, and older browsers have no Ed25519. */
export async function signingSupport(
  isSecure: boolean
): Promise<'possible' | 'insecure' | 'unsupported'> {
  if (!isSecure) return 'insecure'
  try {
    await createSigningKey()
    return 'possible'
  } catch {
    return 'unsupported'
  }
}

/** Creates a key that cannot be exported. */
export async function createSigningKey(): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey(ED25519, false, ['sign', 'verify'])
  if (!('privateKey' in pair)) throw new KeyFileError('no key pair')
  const spki = await crypto.subtle.exportKey('spki', pair.publicKey)
  return { publicKey: base64(new Uint8Array(spki)), privateKey: pair.privateKey }
}

/**
 * Imports a key from PEM (PKCS #8), as `interdict bundle keygen` and OpenSSL write it. The stored key cannot be exported.
 *
 * @throws KeyFileError
 */
export async function importSigningKey(pem: string): Promise<SigningKey> {
  const body = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem)
  if (body === null) throw new KeyFileError('no private key')
  try {
    const der = Uint8Array.from(atob(body[1]!.replace(/\s/g, '')), char => char.charCodeAt(0))
    const read = (canExport: boolean) =>
      crypto.subtle.importKey('pkcs8', der, ED25519, canExport, ['sign'])
    // The public key is not in the file; WebCrypto derives it only for a key that can be exported.
    const { x } = (await crypto.subtle.exportKey('jwk', await read(true))) as { x?: string }
    const raw = atob(x!.replaceAll('-', '+').replaceAll('_', '/'))
    const spki = Uint8Array.from([...SPKI, ...Uint8Array.from(raw, char => char.charCodeAt(0))])
    return { publicKey: base64(spki), privateKey: await read(false) }
  } catch (cause) {
    throw new KeyFileError('not an Ed25519 key', { cause })
  }
}

/** The public key as a file of its own, which `rules.keys` may name. */
export const publicPem = ({ publicKey }: Pick<SigningKey, 'publicKey'>): string =>
  `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`

/** A bundle with the signature of a key added, as `interdict bundle sign` does. @throws BundleFileError */
export async function signBundle(
  file: Uint8Array<ArrayBuffer>,
  { publicKey, privateKey }: SigningKey
): Promise<Uint8Array<ArrayBuffer>> {
  const parts = bundleParts(file)
  const octets = await crypto.subtle.sign(ED25519, privateKey, signedPart(parts))
  const own = JSON.stringify({ key: publicKey, signature: base64(new Uint8Array(octets)) })
  const isOwn = (line: string): boolean => (JSON.parse(line) as { key: string }).key === publicKey
  return bundleFile(parts, [...parts.signatures.filter(line => !isOwn(line)), own])
}

const base64 = (octets: Uint8Array): string => btoa(String.fromCharCode(...octets))
