import type { KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { failure } from '../../base/error.js'
import type { Seconds } from '../../base/units.js'
import { decodeContent, encodeContent, sha256Of, type Content } from './content.js'
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

/** A bundle of which head, length and hash are right, and its signatures. */
export interface Bundle {
  readonly manifest: Manifest
  /** Public keys, each of which has signed it. */
  readonly signers: readonly string[]
  readonly content: Content
}

export interface BundleOptions {
  readonly serial: number
  readonly created: Seconds
  readonly expires: Seconds
  readonly keys: readonly KeyObject[]
}

/** The octets of a bundle file. */
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
 * Opens a bundle. Nothing is unpacked before its signatures are known to be good, and no more than
 * was signed.
 *
 * @param bundle its name in messages
 * @param trust undefined: signatures have to be good, but may be anybody's
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
    throw failure('BUNDLE_BROKEN', bundle, `${content.size} files, not ${manifest.files}`)
  return { manifest, signers: found, content }
}

async function verifiedContent(
  file: Uint8Array,
  bundle: string,
  { manifest, length }: BundleHeader
): Promise<Uint8Array> {
  const { packed, octets, sha256 } = manifest
  const here = file.length - length
  const broken = (why: string): Error => failure('BUNDLE_BROKEN', bundle, why)
  if (here < packed) throw broken(`it ends after ${here} of ${packed} octets; is it being written?`)
  if (here > packed) throw broken(`it goes on for ${here - packed} octets too many`)
  let plain: Uint8Array
  try {
    plain = await decompress(file.subarray(length), { maxOutputLength: Math.max(1, octets) })
  } catch (error) {
    throw broken(error instanceof Error ? error.message : String(error))
  }
  if (sha256Of(plain) !== sha256) throw broken('its content is not what was signed')
  return plain
}

/**
 * A bundle file, whole.
 *
 * @throws InterdictError BUNDLE_UNREADABLE
 */
export async function readBundleFile(path: string, bundle: string): Promise<Uint8Array> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw new Error('it is a folder')
    // A pipe would be waited for, for ever.
    if (!found.isFile()) throw new Error('it is no regular file')
    const { size } = found
    if (size > MAX_FILE) throw new Error(`it has ${size} octets, more than any bundle`)
    return await readFile(path)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : message
    throw failure('BUNDLE_UNREADABLE', bundle, why)
  }
}
