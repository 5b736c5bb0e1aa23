import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { readSecretText } from '../../base/files/secret-file.js'
import type { EnvelopeKey } from '../../wire/pki/cms-recipients.js'
import { usageError } from '../exit.js'

export interface DecryptionOptions {
  readonly passphraseFile?: string
  /** File of a private key. */
  readonly key?: string
}

export interface EncryptionOptions {
  readonly passphraseFile?: string
  /** File of a public key or certificate. */
  readonly recipient?: string
}

/** A shorter one can be guessed. */
const MIN_PASSPHRASE = 12
const MIN_RSA_BITS = 2048

/** What a backup is encrypted with; undefined: nothing. @throws InterdictError BACKUP_RECIPIENT */
export function encryptionKey(options: EncryptionOptions): EnvelopeKey | undefined {
  const { passphraseFile, recipient } = options
  if (recipient === undefined) return passphraseOf(passphraseFile, MIN_PASSPHRASE)
  if (passphraseFile !== undefined) usageError('give --passphrase-file or --recipient, not both')
  return { key: rsaKey(recipient, publicKeyIn) }
}

/** What a backup is decrypted with; undefined: nothing. @throws InterdictError BACKUP_RECIPIENT */
export function decryptionKey({ passphraseFile, key }: DecryptionOptions): EnvelopeKey | undefined {
  if (key === undefined) return passphraseOf(passphraseFile, 1)
  if (passphraseFile !== undefined) usageError('give --passphrase-file or --key, not both')
  return { key: rsaKey(key, createPrivateKey) }
}

function passphraseOf(file: string | undefined, shortest: number): EnvelopeKey | undefined {
  if (file === undefined) return undefined
  try {
    const passphrase = readSecretText(file)
    if (passphrase.length < shortest)
      throw new Error(`the passphrase has less than ${shortest} characters`)
    return { passphrase }
  } catch (error) {
    throw failure('BACKUP_RECIPIENT', file, reasonOf(error))
  }
}

function rsaKey(file: string, read: (pem: Buffer) => KeyObject): KeyObject {
  try {
    const key = read(readBoundedFileSync(file, MAX_SECRET_FILE))
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
    if (key.asymmetricKeyType !== 'rsa') throw new Error('expected an RSA key')
    if (bits < MIN_RSA_BITS) throw new Error(`an RSA key needs at least ${MIN_RSA_BITS} bits`)
    return key
  } catch (error) {
    throw failure('BACKUP_RECIPIENT', file, reasonOf(error))
  }
}

const publicKeyIn = (pem: Buffer): KeyObject =>
  pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem)
