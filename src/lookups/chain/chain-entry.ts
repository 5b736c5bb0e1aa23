import { createHash, sign, verify, type KeyObject } from 'node:crypto'
import type { PublicKey } from '../../base/files/ed25519.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { OpenSegment } from './open-segment.js'

/** The chain file beside the query log: one entry per change to its files. */
export const CHAIN_FILE = 'chain.jsonl'
/** Stands for the hash of the previous line in the first entry. */
export const INITIAL_HASH = '0'.repeat(64)
/** Domain separation: a signature made for another purpose is not valid here. */
const SIGNING_CONTEXT = 'interdict chain 1\n'
const LINE = /^(\{.*),"signature":"([A-Za-z0-9+/]{86}==)"\}$/

/** A file and its hash. */
export interface HashedFile {
  /** Path relative to the folder of the log. */
  readonly file: string
  /** SHA-256 of the file in hexadecimal. */
  readonly sha256: string
}

export interface SizedFile extends HashedFile {
  readonly octets: Octets
}

/**
 * Why the gateway removed files: retention expired, disk space limit, nothing left in them, or
 * tallies whose Parquet file no longer exists.
 */
export type RemovalReason = 'days' | 'space' | 'empty' | 'stale'

/** Who requested a manual removal, and why. */
export interface RemovalRequest {
  readonly by: string
  readonly reason: string
}

/**
 * A manually removed file, with its hash at that time.
 *
 * `altered`     not the hash recorded in the chain
 * `extra`       unknown to the chain
 * `missing`     did not exist: the hash is the recorded one, or empty
 * `unreadable`  could not be read: likewise
 */
export type ManuallyRemovedFile = HashedFile & {
  readonly was?: 'altered' | 'extra' | 'missing' | 'unreadable'
}

/**
 * Content of an entry.
 *
 * `start`       a chain starts with the existing files; `broken` names the previous chain if it was
 *               broken
 * `file`        a file was closed
 * `replaced`    files were converted: JSON Lines to Parquet, several files to one, rows removed;
 *               or, from no files, a tally was created
 * `removed`     files were removed
 * `checkpoint`  the current totals, and when the next checkpoint is due
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
      /** Lines in the file. */
      readonly records: number
      /** Times of its first and last line. */
      readonly first?: string
      readonly last?: string
    })
  | {
      readonly kind: 'replaced'
      readonly files: readonly HashedFile[]
      readonly by: readonly SizedFile[]
      /** Networks whose rows were removed. */
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
      /** Maximum time until the next checkpoint, in seconds, while the gateway is running. */
      readonly within: number
      /** With a witness: the lines added to the live file since the last checkpoint. */
      readonly open?: OpenSegment
    }

/** An entry with its position in the chain. */
export type ChainEntry = EntryBody & {
  readonly v: 1
  /** From 1. */
  readonly n: number
  readonly time: string
  /** SHA-256 of the previous line without its line end. */
  readonly prev: string
}

/** A parsed line whose signature is not verified yet. */
export interface ParsedEntry {
  readonly entry: ChainEntry
  /** The signed text. */
  readonly text: string
  readonly signature: string
}

/** The last entry of a chain. */
export interface ChainHead {
  readonly n: number
  readonly sha256: string
}

/** Encodes and signs an entry as a line without line end. RFC 8032 §5.1. */
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

/** Undefined if the line is not a chain entry. */
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
