import { createHash, randomBytes } from 'node:crypto'
import * as z from 'zod'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { SCOPES, type Scope } from './scopes.js'

/** The start of every token, by which scanners for leaked secrets find it. */
const PREFIX = 'interdict_'
/** Random octets of a token: nobody guesses 256 bits. */
const SECRET_SIZE = 32
export const TOKEN = /^interdict_[A-Za-z0-9_-]{43}$/

/** A token of the HTTP API, as it is stored: without its secret. */
export interface StoredToken {
  readonly name: string
  readonly scopes: readonly Scope[]
  /**
   * SHA-256 of the token, in hexadecimal. No slow hash is needed, unlike for a password: the token has 256 bits
   * of entropy, so there is no list of likely ones to try.
   */
  readonly sha256: string
  /** RFC 3339 */
  readonly created: string
  readonly expires: string
}

const token = z.strictObject({
  name: z.string().min(1),
  scopes: z.array(z.enum(SCOPES)).min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  created: z.iso.datetime(),
  expires: z.iso.datetime()
})
const file = z.strictObject({ version: z.literal(1), tokens: z.array(token) })

export const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A new token, and what is stored of it. */
export function newToken(
  name: string,
  scopes: readonly Scope[],
  created: Date,
  expires: Date
): { readonly token: string; readonly stored: StoredToken } {
  const token = `${PREFIX}${randomBytes(SECRET_SIZE).toString('base64url')}`
  const sha256 = hashOf(token).toString('hex')
  const times = { created: created.toISOString(), expires: expires.toISOString() }
  return { token, stored: { name, scopes, sha256, ...times } }
}

/** Reads the file of tokens. A missing file has none. @throws InterdictError API_TOKEN_FILE */
export function readTokens(path: string): readonly StoredToken[] {
  let text: string
  try {
    text = readBoundedFileSync(path, MAX_SECRET_FILE).toString()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw failure('API_TOKEN_FILE', path, reasonOf(error))
  }
  const read = file.safeParse(parse(text))
  if (read.success) return read.data.tokens
  throw failure('API_TOKEN_FILE', path, 'it was not written by interdict token')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @throws InterdictError API_TOKEN_FILE */
export function writeTokens(path: string, tokens: readonly StoredToken[]): void {
  const text = `${JSON.stringify({ version: 1, tokens }, undefined, 2)}\n`
  try {
    writeFileAtomic(path, text, { mode: 0o600, folderMode: 0o700 })
  } catch (error) {
    throw failure('API_TOKEN_FILE', path, reasonOf(error))
  }
}
