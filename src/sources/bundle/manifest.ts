import * as z from 'zod'
import type { KeySignature } from '../../base/files/ed25519.js'
import { failure } from '../../base/errors/error.js'
import type { Octets, Seconds } from '../../base/units.js'
import { MAX_CONTENT } from './content.js'

/** The signed description of a bundle. Times are seconds since 1970. */
export interface Manifest {
  /** Increases with each bundle: gateways never go back to a lower one on their own. */
  readonly serial: number
  /** Of the decompressed content; hexadecimal. */
  readonly sha256: string
  readonly files: number
  /** Size of the decompressed content. */
  readonly octets: Octets
  /** Size of the compressed content, which follows the header. */
  readonly packed: Octets
  readonly created: Seconds
  readonly expires: Seconds
}

export type Signature = KeySignature

/** A parsed bundle header; nothing in it is verified yet. */
export interface BundleHeader {
  /** The signed line. */
  readonly line: string
  readonly manifest: Manifest
  readonly signatures: readonly Signature[]
  /** Offset of the compressed content. */
  readonly length: Octets
}

/** First line of the file, and start of what is signed. */
const MAGIC = 'interdict-bundle 1\n'
const MAX_HEADER: Octets = 16 * 1024
export const MAX_SIGNATURES = 16
/** Rules that compress worse than this are not plausible. */
const MAX_COMPRESSED: Octets = 256 * 1024 * 1024
/** Maximum size of a bundle file. */
export const MAX_FILE: Octets = MAX_COMPRESSED + MAX_HEADER

const count = (most: number) => z.int().min(0).max(most)
/** The last time that a JavaScript Date can represent: 13 September 275760. */
export const instantSchema = count(8_640_000_000_000)
const manifestSchema = z.strictObject({
  serial: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  files: count(Number.MAX_SAFE_INTEGER),
  octets: count(MAX_CONTENT),
  packed: count(MAX_COMPRESSED),
  created: instantSchema,
  expires: instantSchema
})
const signatureSchema = z.strictObject({
  key: z.string().regex(/^[A-Za-z0-9+/=]{1,100}$/),
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/)
})

/** What is signed. The prefix makes signatures for other purposes invalid here. */
export function signedOctets(line: string): Uint8Array {
  return Buffer.from(`${MAGIC}${line}\n`)
}

export function encodeManifest(manifest: Manifest): string {
  const { serial, sha256, files, octets, packed, created, expires } = manifest
  return JSON.stringify({ serial, sha256, files, octets, packed, created, expires })
}

export function encodeHeader(line: string, signatures: readonly Signature[]): Uint8Array {
  const lines = signatures.map(({ key, signature }) => JSON.stringify({ key, signature }))
  return Buffer.from(`${MAGIC}${[line, ...lines].join('\n')}\n\n`)
}

/**
 * Decodes the header of a bundle.
 *
 * @param bundle its name in messages
 * @throws InterdictError BUNDLE_BROKEN
 */
export function decodeHeader(file: Uint8Array, bundle: string): BundleHeader {
  const start = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, MAX_HEADER))
  const broken = (why: string): Error => failure('BUNDLE_BROKEN', bundle, why)
  if (file.length === 0) throw broken('it is empty; is it still being written?')
  if (!start.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC))) throw broken('not a bundle file')
  const end = start.indexOf('\n\n', MAGIC.length)
  if (end === -1) throw broken('its header has no end; is it still being written?')
  const [line = '', ...rest] = start.subarray(MAGIC.length, end).toString().split('\n')
  const manifest = manifestSchema.safeParse(parseJson(line))
  if (!manifest.success) throw broken('invalid manifest')
  if (rest.length > MAX_SIGNATURES) throw broken(`more than ${MAX_SIGNATURES} signatures`)
  const signatures = rest.map(text => {
    const signature = signatureSchema.safeParse(parseJson(text))
    if (!signature.success) throw broken('malformed signature')
    return signature.data
  })
  return { line, manifest: manifest.data, signatures, length: end + 2 }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
