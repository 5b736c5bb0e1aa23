import { readFile } from 'node:fs/promises'
import type { KeyObject } from 'node:crypto'
import { hasSigned, parsePrivateKey, signOctets, type PublicKey } from '../../base/files/ed25519.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Root } from '../root/root.js'
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
  /** The root of trust that names them; undefined: the settings do. */
  readonly root?: Omit<Root, 'roles'>
}

/** Signs a manifest. */
export const createSignature = (line: string, key: KeyObject): Signature =>
  signOctets(signedOctets(line), key)

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
  for (const one of signatures)
    if (!hasSigned(one, signed)) throw failure('BUNDLE_SIGNATURE', bundle, one.key)
  return [...new Set(signatures.map(({ key }) => key))]
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
