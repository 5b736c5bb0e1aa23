import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { readPublicKey, showPublicKey, type PublicKey } from '../../base/ed25519.js'
import { failure } from '../../base/error.js'
import {
  decodeHead,
  encodeHead,
  MOST_SIGNATURES,
  signedOctets,
  type Head,
  type Signature
} from './manifest.js'

/** Whose signatures count, and how many of them it takes. */
export interface Trust {
  readonly keys: readonly PublicKey[]
  readonly signatures: number
}

/** Signs a manifest. RFC 8032 §5.1. */
export function signatureOf(line: string, key: KeyObject): Signature {
  const signature = sign(null, signedOctets(line), key).toString('base64')
  return { key: showPublicKey(createPublicKey(key)), signature }
}

/**
 * The file with one more signature; with a new one where this key has signed already.
 *
 * @throws InterdictError BUNDLE_BROKEN, BUNDLE_SIGNATURE: one that is there is wrong
 */
export function withSignature(file: Uint8Array, bundle: string, key: KeyObject): Uint8Array {
  const head = decodeHead(file, bundle)
  signers(head, bundle)
  const own = signatureOf(head.line, key)
  const others = head.signatures.filter(other => other.key !== own.key)
  if (others.length === MOST_SIGNATURES)
    throw failure('BUNDLE_BROKEN', bundle, `it has ${MOST_SIGNATURES} signatures already`)
  return Buffer.concat([encodeHead(head.line, [...others, own]), file.subarray(head.length)])
}

/**
 * Whose signatures it has.
 *
 * @throws InterdictError BUNDLE_SIGNATURE: one of them is wrong
 */
export function signers({ line, signatures }: Head, bundle: string): readonly PublicKey[] {
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
export function checkTrust(head: Head, bundle: string, { keys, signatures }: Trust): void {
  const found = signers(head, bundle).filter(key => keys.includes(key))
  if (found.length < signatures) throw failure('BUNDLE_UNSIGNED', bundle, found.length, signatures)
}
