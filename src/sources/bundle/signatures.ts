import { readFile } from 'node:fs/promises'
import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import {
  readPublicKey,
  showPublicKey,
  type PublicKey,
  parsePrivateKey
} from '../../base/files/ed25519.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import {
  decodeHeader,
  encodeHeader,
  MAX_SIGNATURES,
  signedOctets,
  type BundleHeader,
  type Signature
} from './manifest.js'

/** Trusted public keys, and how many of them must have signed. */
export interface TrustedKeys {
  readonly keys: readonly PublicKey[]
  readonly signatures: number
}

/** Signs a manifest. RFC 8032 §5.1. */
export function createSignature(line: string, key: KeyObject): Signature {
  const signature = sign(null, signedOctets(line), key).toString('base64')
  return { key: showPublicKey(createPublicKey(key)), signature }
}

/**
 * Adds a signature to a bundle file; replaces an existing one by the same key.
 *
 * @throws InterdictError BUNDLE_BROKEN, BUNDLE_SIGNATURE: an existing signature is invalid
 */
export function withSignature(file: Uint8Array, bundle: string, key: KeyObject): Uint8Array {
  const head = decodeHeader(file, bundle)
  verifySignatures(head, bundle)
  const own = createSignature(head.line, key)
  const others = head.signatures.filter(other => other.key !== own.key)
  if (others.length === MAX_SIGNATURES)
    throw failure('BUNDLE_BROKEN', bundle, `it has ${MAX_SIGNATURES} signatures already`)
  return Buffer.concat([encodeHeader(head.line, [...others, own]), file.subarray(head.length)])
}

/**
 * Verifies all signatures and returns the keys that signed.
 *
 * @throws InterdictError BUNDLE_SIGNATURE: a signature is invalid
 */
export function verifySignatures(
  { line, signatures }: BundleHeader,
  bundle: string
): readonly PublicKey[] {
  const signed = signedOctets(line)
  const keys = signatures.map(({ key: text, signature }) => {
    const key = readPublicKey(text)
    if (key === undefined || !verify(null, signed, key, Buffer.from(signature, 'base64')))
      throw failure('BUNDLE_SIGNATURE', bundle, text)
    return text
  })
  return [...new Set(keys)]
}

/** @throws InterdictError BUNDLE_SIGNATURE, BUNDLE_UNSIGNED */
export function checkTrusted(
  head: BundleHeader,
  bundle: string,
  { keys, signatures }: TrustedKeys
): void {
  const found = verifySignatures(head, bundle).filter(key => keys.includes(key))
  if (found.length < signatures) throw failure('BUNDLE_UNSIGNED', bundle, found.length, signatures)
}

/**
 * Reads a private key.
 *
 * @throws InterdictError BUNDLE_KEY
 */
export async function readPrivateKey(file: string): Promise<KeyObject> {
  try {
    return parsePrivateKey(await readFile(file))
  } catch (error) {
    throw failure('BUNDLE_KEY', file, reasonOf(error))
  }
}
