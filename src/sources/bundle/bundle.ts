import type { KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { failure } from '../../base/error.js'
import type { Seconds } from '../../base/units.js'
import { decodeContent, encodeContent, sha256Of, type Content } from './content.js'
import { decodeHead, encodeHead, lineOf, MOST_FILE, type Head, type Manifest } from './manifest.js'
import { checkTrust, signatureOf, signers, type Trust } from './sign.js'

const zip = promisify(gzip)
const unzip = promisify(gunzip)

/** A bundle of which head, length and hash are right, and its signatures. */
export interface Bundle {
  readonly manifest: Manifest
  /** Public keys, each of which has signed it. */
  readonly signers: readonly string[]
  readonly content: Content
}

export interface Making {
  readonly serial: number
  readonly created: Seconds
  readonly expires: Seconds
  readonly keys: readonly KeyObject[]
}

/** The octets of a bundle file. */
export async function encodeBundle(content: Content, making: Making): Promise<Uint8Array> {
  const plain = encodeContent(content)
  const packed = await zip(plain, { level: 9 })
  const { serial, created, expires, keys } = making
  const line = lineOf({
    serial,
    sha256: sha256Of(plain),
    files: content.size,
    octets: plain.length,
    packed: packed.length,
    created,
    expires
  })
  return Buffer.concat([
    encodeHead(
      line,
      keys.map(key => signatureOf(line, key))
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
  trust?: Trust
): Promise<Bundle> {
  const head = decodeHead(file, bundle)
  if (trust !== undefined) checkTrust(head, bundle, trust)
  const found = signers(head, bundle)
  const plain = await contentOf(file, bundle, head)
  const content = decodeContent(plain, bundle)
  const { manifest } = head
  if (content.size !== manifest.files)
    throw failure('BUNDLE_BROKEN', bundle, `${content.size} files, not ${manifest.files}`)
  return { manifest, signers: found, content }
}

async function contentOf(
  file: Uint8Array,
  bundle: string,
  { manifest, length }: Head
): Promise<Uint8Array> {
  const { packed, octets, sha256 } = manifest
  const here = file.length - length
  const broken = (why: string): Error => failure('BUNDLE_BROKEN', bundle, why)
  if (here < packed) throw broken(`it ends after ${here} of ${packed} octets; is it being written?`)
  if (here > packed) throw broken(`it goes on for ${here - packed} octets too many`)
  let plain: Uint8Array
  try {
    plain = await unzip(file.subarray(length), { maxOutputLength: Math.max(1, octets) })
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
    if (size > MOST_FILE) throw new Error(`it has ${size} octets, more than any bundle`)
    return await readFile(path)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : message
    throw failure('BUNDLE_UNREADABLE', bundle, why)
  }
}
