import { createHash, sign, verify, type KeyObject } from 'node:crypto'
import type { PublicKey } from '../../../base/ed25519.js'
import type { Milliseconds, Octets } from '../../../base/units.js'

/** Beside the query log: a line for whatever becomes of its files. */
export const CHAIN_FILE = 'chain.jsonl'
/** What the first line has in place of the hash of one before. */
export const INITIAL_HASH = '0'.repeat(64)
/** Before what is signed, so that a signature of something else is none of a line. */
const SIGNING_CONTEXT = 'interdict chain 1\n'
const LINE = /^(\{.*),"signature":"([A-Za-z0-9+/]{86}==)"\}$/

/** A file, and what is in it. */
export interface HashedFile {
  /** Its path within the folder of the log. */
  readonly file: string
  /** Of all its octets, in hexadecimal. */
  readonly sha256: string
}

export interface SizedFile extends HashedFile {
  readonly octets: Octets
}

/**
 * Why the gateway removed files: their time was over, there was no room, nothing was left in them, or
 * they are tallies of files that are not there any more.
 */
export type RemovalReason = 'days' | 'space' | 'empty' | 'stale'

/** By whose will files were removed by hand. */
export interface RemovalRequest {
  readonly by: string
  readonly reason: string
}

/**
 * A file that was removed by hand, and what it had by then.
 *
 * `altered` not what the chain had said of it
 * `extra`   the chain did not have it
 * `missing`, `unreadable` it was not there any more, or could not be read: its SHA-256 is that of
 *           before, or empty
 */
export type ManuallyRemovedFile = HashedFile & {
  readonly was?: 'altered' | 'extra' | 'missing' | 'unreadable'
}

/**
 * What a line says.
 *
 * `start`      a chain begins, with the files that are there; `broken`: the one of before, which could
 *              not be gone on with
 * `file`       a file was closed
 * `replaced`   files were made into others: lines into Parquet, several into one, some rows taken out; or,
 *              of none, a tally was made
 * `removed`    files were removed
 * `checkpoint` nothing else had happened by then; how much stands, when the next one is due
 */
export type EntryBody =
  | {
      readonly kind: 'start'
      readonly log: string
      readonly key: PublicKey
      readonly found: readonly SizedFile[]
      readonly broken?: HashedFile
    }
  | (SizedFile & {
      readonly kind: 'file'
      /** Lines in it. */
      readonly records: number
      /** Times of its first and its last line. */
      readonly first?: string
      readonly last?: string
    })
  | {
      readonly kind: 'replaced'
      readonly files: readonly HashedFile[]
      readonly by: readonly SizedFile[]
      /** Networks whose rows were taken out. */
      readonly without?: readonly string[]
    }
  | { readonly kind: 'removed'; readonly files: readonly HashedFile[]; readonly why: RemovalReason }
  | (RemovalRequest & {
      readonly kind: 'removed'
      readonly files: readonly ManuallyRemovedFile[]
      readonly why: 'order'
    })
  | {
      readonly kind: 'checkpoint'
      readonly files: number
      readonly octets: Octets
      /** The next one comes within this time, in seconds, as long as the gateway runs. */
      readonly within: number
    }

/** One line: what it says, and its place in the chain. */
export type ChainEntry = EntryBody & {
  readonly v: 1
  /** From 1. */
  readonly n: number
  readonly time: string
  /** SHA-256 of the line before, without its line end. */
  readonly prev: string
}

/** A line that is read: whether its signature is right is another question. */
export interface ParsedEntry {
  readonly entry: ChainEntry
  /** What was signed. */
  readonly text: string
  readonly signature: string
}

/** Where a chain ends. */
export interface ChainHead {
  readonly n: number
  readonly sha256: string
}

/** A line, without its line end. RFC 8032 §5.1. */
export function encodeEntry(
  entry: EntryBody,
  wall: Milliseconds,
  head: ChainHead,
  key: KeyObject
): string {
  const time = new Date(wall).toISOString()
  const text = JSON.stringify({ v: 1, n: head.n + 1, time, prev: head.sha256, ...entry }).slice(
    0,
    -1
  )
  const signature = sign(null, Buffer.from(SIGNING_CONTEXT + text), key).toString('base64')
  return `${text},"signature":"${signature}"}`
}

/** Undefined: it is no line of a chain. */
export function parseEntry(line: string): ParsedEntry | undefined {
  const [, text, signature] = LINE.exec(line) ?? []
  if (text === undefined || signature === undefined) return undefined
  try {
    return { entry: JSON.parse(`${text}}`) as ChainEntry, text, signature }
  } catch {
    return undefined
  }
}

export function isSigned({ text, signature }: ParsedEntry, keys: readonly KeyObject[]): boolean {
  const octets = Buffer.from(SIGNING_CONTEXT + text)
  return keys.some(key => verify(null, octets, key, Buffer.from(signature, 'base64')))
}

export function hashLine(line: string | Uint8Array): string {
  return createHash('sha256').update(line).digest('hex')
}
