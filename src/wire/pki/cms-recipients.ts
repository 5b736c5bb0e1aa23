import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  pbkdf2Sync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject
} from 'node:crypto'
import type { Octets } from '../../base/units.js'
import { derInteger, derOid, derSequence, derValue } from './der-values.js'
import { DerError, DerReader, oidText, TAG } from './der.js'

/** How a content key reaches who may decrypt: by a passphrase, or by an RSA key. */
export type EnvelopeKey =
  | { readonly passphrase: string }
  /** To encrypt, the public key; to decrypt, the private one. */
  | { readonly key: KeyObject }

const OID = {
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacWithSha256: '1.2.840.113549.2.9',
  /** RFC 3211 §2.3.1 */
  pwriKek: '1.2.840.113549.1.9.16.3.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  rsaOaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  sha256: '2.16.840.1.101.3.4.2.1'
} as const
/** Tag of a PasswordRecipientInfo in the set of recipients: RFC 5652 §6.2. */
const PASSWORD_RECIPIENT = 0xa3
const CONTEXT_0 = 0xa0
const CONTEXT_1 = 0xa1
/** subjectKeyIdentifier [0] IMPLICIT OCTET STRING. */
const KEY_IDENTIFIER = 0x80
const NULL = Buffer.of(0x05, 0)
/** As OWASP recommends for PBKDF2 with HMAC-SHA-256. */
const ITERATIONS = 600_000
/** A file that was made to waste time has more. */
const MAX_ITERATIONS = 10_000_000
const KEY_SIZE: Octets = 32
const BLOCK: Octets = 16
const SALT_SIZE: Octets = 16

/** Encrypts a content key. @returns a RecipientInfo: RFC 5652 §6.2 */
export const recipientInfo = (contentKey: Buffer, to: EnvelopeKey): Buffer =>
  'passphrase' in to ? forPassphrase(contentKey, to.passphrase) : forKey(contentKey, to.key)

/**
 * The content key.
 *
 * @param recipients the content of the set of RecipientInfo
 * @returns undefined: none is for this key, or the passphrase is wrong
 * @throws DerError
 */
export function contentKeyOf(recipients: Uint8Array, own: EnvelopeKey): Buffer | undefined {
  const reader = new DerReader(recipients)
  while (reader.hasMore) {
    const { nextTag } = reader
    const inner = reader.enter(nextTag)
    const isPassword = nextTag === PASSWORD_RECIPIENT
    if (isPassword && 'passphrase' in own) return byPassphrase(inner, own.passphrase)
    if (!isPassword && 'key' in own) return byKey(inner, own.key)
  }
  return undefined
}

/** PasswordRecipientInfo: RFC 5652 §6.2.4. */
function forPassphrase(contentKey: Buffer, passphrase: string): Buffer {
  const salt = randomBytes(SALT_SIZE)
  const iv = randomBytes(BLOCK)
  const kek = pbkdf2Sync(passphrase, salt, ITERATIONS, KEY_SIZE, 'sha256')
  const derivation = Buffer.concat([
    derOid(OID.pbkdf2),
    derSequence(
      derValue(TAG.octetString, salt),
      derInteger(ITERATIONS),
      derInteger(KEY_SIZE),
      derSequence(derOid(OID.hmacWithSha256), NULL)
    )
  ])
  return derValue(
    PASSWORD_RECIPIENT,
    Buffer.concat([
      derInteger(0),
      derValue(CONTEXT_0, derivation),
      derSequence(
        derOid(OID.pwriKek),
        derSequence(derOid(OID.aes256Cbc), derValue(TAG.octetString, iv))
      ),
      derValue(TAG.octetString, wrap(contentKey, kek, iv))
    ])
  )
}

function byPassphrase(info: DerReader, passphrase: string): Buffer | undefined {
  info.next(TAG.integer)
  const derivation = info.enter(CONTEXT_0)
  expectOid(derivation, OID.pbkdf2)
  const parameters = derivation.enter()
  const salt = parameters.read(TAG.octetString)
  const iterations = numberOf(parameters.read(TAG.integer))
  if (iterations > MAX_ITERATIONS) throw new DerError(`${iterations} iterations of PBKDF2`)
  const encryption = info.enter()
  expectOid(encryption, OID.pwriKek)
  const cipher = encryption.enter()
  expectOid(cipher, OID.aes256Cbc)
  const iv = cipher.read(TAG.octetString)
  const wrapped = info.read(TAG.octetString)
  return unwrap(wrapped, pbkdf2Sync(passphrase, salt, iterations, KEY_SIZE, 'sha256'), iv)
}

/** Encrypts twice, so that each octet depends on all others: RFC 3211 §2.3.1. */
function wrap(contentKey: Buffer, kek: Buffer, iv: Buffer): Buffer {
  const check = contentKey.subarray(0, 3).map(octet => ~octet)
  const head = Buffer.concat([Buffer.of(contentKey.length), check, contentKey])
  const padded = Buffer.concat([head, randomBytes(BLOCK - (head.length % BLOCK))])
  const once = cbc(createCipheriv, kek, iv, padded)
  return cbc(createCipheriv, kek, once.subarray(-BLOCK), once)
}

/** @returns undefined: another passphrase, as the check octets show, but for one in 16 million */
function unwrap(wrapped: Uint8Array, kek: Buffer, iv: Uint8Array): Buffer | undefined {
  if (wrapped.length < 2 * BLOCK || wrapped.length % BLOCK !== 0)
    throw new DerError(`a wrapped key of ${wrapped.length} bytes`)
  const previous = wrapped.subarray(-2 * BLOCK, -BLOCK)
  const last = cbc(createDecipheriv, kek, previous, wrapped.subarray(-BLOCK))
  const once = cbc(createDecipheriv, kek, last, wrapped)
  const plain = cbc(createDecipheriv, kek, iv, once)
  const key = plain.subarray(4, 4 + plain[0]!)
  const isRight = [0, 1, 2].every(i => (plain[i + 1]! ^ plain[i + 4]!) === 0xff)
  return isRight && key.length === KEY_SIZE ? key : undefined
}

function cbc(
  create: typeof createCipheriv | typeof createDecipheriv,
  kek: Buffer,
  iv: Uint8Array,
  octets: Uint8Array
): Buffer {
  const cipher = create('aes-256-cbc', kek, iv).setAutoPadding(false)
  return Buffer.concat([cipher.update(octets), cipher.final()])
}

/** KeyTransRecipientInfo: RFC 5652 §6.2.1, with RSAES-OAEP: RFC 3560. */
function forKey(contentKey: Buffer, key: KeyObject): Buffer {
  const sha256 = derSequence(derOid(OID.sha256), NULL)
  const algorithm = derSequence(
    derOid(OID.rsaOaep),
    derSequence(
      derValue(CONTEXT_0, sha256),
      derValue(CONTEXT_1, derSequence(derOid(OID.mgf1), sha256))
    )
  )
  const encrypted = publicEncrypt({ key, ...OAEP }, contentKey)
  return derSequence(
    derInteger(2),
    derValue(KEY_IDENTIFIER, keyIdentifier(key)),
    algorithm,
    derValue(TAG.octetString, encrypted)
  )
}

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const

/** SHA-1 of the public key: RFC 5280 §4.2.1.2, method 1. */
function keyIdentifier(key: KeyObject): Buffer {
  const info = new DerReader(key.export({ type: 'spki', format: 'der' })).enter()
  info.next(TAG.sequence)
  // Without the count of unused bits.
  return createHash('sha1').update(info.read(TAG.bitString).subarray(1)).digest()
}

function byKey(info: DerReader, key: KeyObject): Buffer | undefined {
  info.next(TAG.integer).next(KEY_IDENTIFIER)
  expectOid(info.enter(), OID.rsaOaep)
  try {
    const contentKey = privateDecrypt({ key, ...OAEP }, info.read(TAG.octetString))
    return contentKey.length === KEY_SIZE ? contentKey : undefined
  } catch (error) {
    if (error instanceof DerError) throw error
    return undefined
  }
}

function expectOid(reader: DerReader, expected: string): void {
  const found = oidText(reader.read(TAG.oid))
  if (found !== expected) throw new DerError(`unsupported algorithm ${found}`)
}

const numberOf = (octets: Uint8Array): number =>
  octets.reduce((number, octet) => 256 * number + octet, 0)
