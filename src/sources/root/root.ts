import * as z from 'zod'
import {
  hasSigned,
  readPublicKey,
  type KeySignature,
  type PublicKey
} from '../../base/files/ed25519.js'
import { failure } from '../../base/errors/error.js'
import type { Octets, Seconds } from '../../base/units.js'

/**
 * The root of trust of a fleet: which keys may sign what, signed by a threshold of keys. It is what TUF calls root metadata
 * (The Update Framework 1.0.33 §2.1.1): a new version is accepted because keys of the version before have signed it, so that
 * keys are added and revoked without touching a gateway.
 */

/** `root`: later roots; `bundle`: rules; `mandate`: orders of authorities; `hub`: countersignatures of the hub. */
export const ROLES = ['root', 'bundle', 'mandate', 'hub'] as const
export type Role = (typeof ROLES)[number]

export interface RoleKeys {
  /** Each once. */
  readonly keys: readonly PublicKey[]
  /** How many different keys must have signed. */
  readonly threshold: number
}

export interface Root {
  /** Counts up by one. */
  readonly version: number
  readonly expires: Seconds
  readonly roles: Readonly<Record<Role, RoleKeys>>
  readonly serials: SerialReset
}

/**
 * The last reset of bundle serials: gateways forget serials that they accepted before the root with version `since`, and accept
 * those from `from` on. `since` is 0 until the first reset.
 */
export interface SerialReset {
  readonly since: number
  readonly from: number
}

/** A root as it is signed. Its signatures are valid; whether they suffice is for `accept-root.ts` to say. */
export interface SignedRoot {
  readonly root: Root
  /** The signed line. */
  readonly line: string
  readonly signatures: readonly KeySignature[]
  /** Keys that have signed it, each once. */
  readonly signers: readonly PublicKey[]
}

/** First line of each root, and start of what is signed: signatures for other purposes are invalid here. */
const MAGIC = 'interdict-root 1\n'
const MAX_ROOT: Octets = 32 * 1024
const MAX_KEYS = 16
const MAX_SIGNATURES = 32
/** All roots up to the newest, one after another. */
export const MAX_ROOTS: Octets = 1024 * 1024
/** The last time that a JavaScript Date can represent: 13 September 275760. */
const MAX_INSTANT: Seconds = 8_640_000_000_000

const publicKey = z.string().refine(text => readPublicKey(text) !== undefined)
/** A key that is listed twice counts once. */
const keys = z
  .array(publicKey)
  .max(MAX_KEYS)
  .transform(all => [...new Set(all)])
const reachable = ({ keys: all, threshold }: RoleKeys): boolean => threshold <= all.length
const threshold = z.int().min(1).max(MAX_KEYS)
const required = z.strictObject({ keys, threshold }).refine(reachable)
/** One signature suffices; without keys, nobody has the role. */
const optional = z.strictObject({ keys, threshold: z.literal(1) })
const rootSchema = z
  .strictObject({
    version: z.int().min(1),
    expires: z.int().min(0).max(MAX_INSTANT),
    roles: z.strictObject({
      root: required,
      bundle: required,
      mandate: optional,
      hub: optional
    } satisfies Record<Role, z.ZodType>),
    serials: z.strictObject({ since: z.int().min(0), from: z.int().min(1) })
  })
  .refine(({ version, serials }) => serials.since <= version)
const signatureSchema = z.strictObject({
  key: z.string().max(100),
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/)
})

export const signedOctets = (line: string): Uint8Array => Buffer.from(`${MAGIC}${line}\n`)

export function encodeRoot({ line, signatures }: Pick<SignedRoot, 'line' | 'signatures'>): string {
  const lines = signatures.map(({ key, signature }) => JSON.stringify({ key, signature }))
  return `${MAGIC}${[line, ...lines].join('\n')}\n\n`
}

/** The line to sign. */
export function rootLine({ version, expires, roles, serials }: Root): string {
  const { root, bundle, mandate, hub } = roles
  return JSON.stringify({ version, expires, roles: { root, bundle, mandate, hub }, serials })
}

/**
 * Decodes a file with one root, or with several, oldest first.
 *
 * @param name of the file, in messages
 * @throws InterdictError ROOT_BROKEN, ROOT_SIGNATURE
 */
export function decodeRoots(file: Uint8Array, name: string): readonly SignedRoot[] {
  const broken = (why: string): Error => failure('ROOT_BROKEN', name, why)
  if (file.length > MAX_ROOTS) throw broken(`larger than ${MAX_ROOTS} bytes`)
  const parts = Buffer.from(file).toString().split('\n\n')
  // After the last one is nothing.
  if (parts.length < 2 || parts.pop() !== '')
    throw broken('it has no end; is it still being written?')
  return parts.map(text => decodeRoot(text, name))
}

/** The newest root of a file. @throws InterdictError ROOT_BROKEN, ROOT_SIGNATURE */
export const newestRoot = (file: Uint8Array, name: string): SignedRoot =>
  decodeRoots(file, name).at(-1)!

function decodeRoot(text: string, name: string): SignedRoot {
  const broken = (why: string): Error => failure('ROOT_BROKEN', name, why)
  if (!text.startsWith(MAGIC)) throw broken('not a root of trust')
  if (text.length > MAX_ROOT) throw broken(`a root is larger than ${MAX_ROOT} bytes`)
  const [line = '', ...rest] = text.slice(MAGIC.length).split('\n')
  const read = rootSchema.safeParse(parseJson(line))
  if (!read.success) {
    const { path, message } = read.error.issues[0]!
    throw broken(path.length === 0 ? message : `${path.join('.')}: ${message}`)
  }
  if (rest.length > MAX_SIGNATURES) throw broken(`more than ${MAX_SIGNATURES} signatures`)
  const signatures = rest.map(one => {
    const signature = signatureSchema.safeParse(parseJson(one))
    if (!signature.success) throw broken('malformed signature')
    if (!hasSigned(signature.data, signedOctets(line)))
      throw failure('ROOT_SIGNATURE', name, signature.data.key)
    return signature.data
  })
  const signers = [...new Set(signatures.map(({ key }) => key))]
  return { root: read.data, line, signatures, signers }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
