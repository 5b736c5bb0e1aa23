import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { readBoundedFile } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Seconds } from '../../base/units.js'
import { decodeContent, encodeContent, type Content } from './content.js'
import { sha256Of } from '../../base/bytes/sha256.js'
import {
  decodeHeader,
  encodeHeader,
  encodeManifest,
  MAX_FILE,
  type BundleHeader,
  type Manifest
} from './manifest.js'
import { checkTrusted, createSignature, verifySignatures, type TrustedKeys } from './signatures.js'

const compress = promisify(gzip)
const decompress = promisify(gunzip)

/** A bundle whose header, length, hash and signatures were verified. */
export interface Bundle {
  readonly manifest: Manifest
  /** Public keys that signed it. */
  readonly signers: readonly string[]
  readonly content: Content
}

export interface BundleOptions {
  readonly serial: number
  readonly created: Seconds
  readonly expires: Seconds
  readonly keys: readonly KeyObject[]
}

/** Encodes a bundle file. */
export async function encodeBundle(content: Content, making: BundleOptions): Promise<Uint8Array> {
  const plain = encodeContent(content)
  const packed = await compress(plain, { level: 9 })
  const { serial, created, expires, keys } = making
  const line = encodeManifest({
    serial,
    sha256: sha256Of(plain),
    files: content.size,
    octets: plain.length,
    packed: packed.length,
    created,
    expires
  })
  return Buffer.concat([
    encodeHeader(
      line,
      keys.map(key => createSignature(line, key))
    ),
    packed
  ])
}

/**
 * Decodes a bundle. Nothing is decompressed before its signatures are verified, and no more than
 * was signed.
 *
 * @param bundle its name in messages
 * @param trust undefined: signatures must be valid, but may be by any key
 * @throws InterdictError BUNDLE_BROKEN, BUNDLE_SIGNATURE, BUNDLE_UNSIGNED
 */
export async function decodeBundle(
  file: Uint8Array,
  bundle: string,
  trust?: TrustedKeys
): Promise<Bundle> {
  const head = decodeHeader(file, bundle)
  if (trust !== undefined) checkTrusted(head, bundle, trust)
  const found = verifySignatures(head, bundle)
  const plain = await verifiedContent(file, bundle, head)
  const content = decodeContent(plain, bundle)
  const { manifest } = head
  if (content.size !== manifest.files)
    throw failure('BUNDLE_BROKEN', bundle, `${content.size} files instead of ${manifest.files}`)
  return { manifest, signers: found, content }
}

async function verifiedContent(
  file: Uint8Array,
  bundle: string,
  { manifest, length }: BundleHeader
): Promise<Uint8Array> {
  const { packed, octets, sha256 } = manifest
  const actual = file.length - length
  const broken = (why: string): Error => failure('BUNDLE_BROKEN', bundle, why)
  if (actual < packed)
    throw broken(`truncated: has ${actual} of ${packed} bytes; is it still being written?`)
  if (actual > packed) throw broken(`${actual - packed} extra bytes at the end`)
  let plain: Uint8Array
  try {
    plain = await decompress(file.subarray(length), { maxOutputLength: Math.max(1, octets) })
  } catch (error) {
    throw broken(reasonOf(error))
  }
  if (sha256Of(plain) !== sha256) throw broken('content does not match the signed hash')
  return plain
}

/**
 * Reads a bundle file.
 *
 * @throws InterdictError BUNDLE_UNREADABLE
 */
export async function readBundleFile(path: string, bundle: string): Promise<Uint8Array> {
  try {
    return await readBoundedFile(path, MAX_FILE)
  } catch (error) {
    throw failure('BUNDLE_UNREADABLE', bundle, reasonOf(error))
  }
}

/** Writes a bundle atomically. @throws InterdictError BUNDLE_WRITE */
export function writeBundle(path: string, octets: Uint8Array): void {
  try {
    writeFileAtomic(path, octets)
  } catch (error) {
    throw failure('BUNDLE_WRITE', path, reasonOf(error))
  }
}
