import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Octets } from '../../base/units.js'
import { CHAIN_FILE, hashLine, parseEntry } from '../chain/chain-entry.js'
import type { Countersignature } from './countersignature.js'

/** The file of receipts beside the chain: one line of JSON for each. */
export const WITNESS_FILE = 'witness.jsonl'
/** As for the query log: not world-readable. */
const MODE = 0o640
/** Enough to find the last line of interest. */
const TAIL: Octets = 1024 * 1024

/** A checkpoint of the chain. */
export interface Checkpoint {
  /** Number of its line. */
  readonly n: number
  /** SHA-256 of its line. */
  readonly sha256: string
  readonly time: string
}

interface ReceiptHead {
  readonly v: 1
  /** Number and SHA-256 of the chain line that the receipt is for. */
  readonly n: number
  readonly sha256: string
  /** When the gateway received the receipt, or had sent the line. */
  readonly time: string
  readonly to: string
}

/** The part of a receipt that depends on the kind of witness. */
export type Confirmation =
  /** A TimeStampResp of RFC 3161 in base64. */
  | { readonly by: 'tsa'; readonly response: string }
  /** The hub of the fleet has countersigned it at a time. */
  | ({ readonly by: 'hub'; readonly gateway: string } & Countersignature)
  /** Sent without a reply: the proof is the recipient's log. */
  | { readonly by: 'syslog' }

/** A line that a witness confirmed, or that was sent to it; public, see docs/reference/query-log.md. */
export type Receipt = ReceiptHead & Confirmation

/** String fields that each kind of receipt has in addition to the common ones. */
const TEXTS: Readonly<Record<Confirmation['by'], readonly string[]>> = {
  tsa: ['response'],
  hub: ['gateway', 'at', 'signature'],
  syslog: []
}

/** Receipts in the order of the file. Other lines, such as a partial one after a crash, are ignored. */
export function parseReceipts(text: string): Receipt[] {
  return text.split('\n').flatMap(line => {
    const value = parseLine(line)
    return isReceipt(value) ? [value] : []
  })
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isReceipt(value: unknown): value is Receipt {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Readonly<Record<string, unknown>>
  const { v, n, sha256, by } = fields
  if (v !== 1 || !Number.isSafeInteger(n) || !/^[0-9a-f]{64}$/.test(String(sha256))) return false
  if (typeof by !== 'string' || !Object.hasOwn(TEXTS, by)) return false
  const texts = ['time', 'to', ...TEXTS[by as Confirmation['by']]]
  return texts.every(name => typeof fields[name] === 'string')
}

/** Throws the system error. @returns no receipts if there is no file */
export function readReceipts(folder: string): Receipt[] {
  const path = join(folder, WITNESS_FILE)
  return existsSync(path) ? parseReceipts(readFileSync(path, 'utf8')) : []
}

/** The receipts at the end of the file. Throws the system error. */
export function readLastReceipts(folder: string): Receipt[] {
  return parseReceipts(readTail(join(folder, WITNESS_FILE)))
}

/** Appends a receipt and syncs it to disk. Throws the system error. */
export async function appendReceipt(folder: string, receipt: Receipt): Promise<void> {
  const file = await open(join(folder, WITNESS_FILE), 'a+', MODE)
  try {
    const { size } = await file.stat()
    const last = Buffer.alloc(1)
    if (size > 0) await file.read(last, 0, 1, size - 1)
    // A crash may have left part of a line.
    const start = size > 0 && last.toString() !== '\n' ? '\n' : ''
    await file.appendFile(`${start}${JSON.stringify(receipt)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The last checkpoint near the end of a chain. Throws the system error. */
export function readLastCheckpoint(folder: string): Checkpoint | undefined {
  const text = readTail(join(folder, CHAIN_FILE))
  // The gateway may be writing the last line.
  for (const line of text.split('\n').slice(0, -1).reverse()) {
    const entry = parseEntry(line)?.entry
    if (entry?.kind === 'checkpoint')
      return { n: entry.n, sha256: hashLine(line), time: entry.time }
  }
  return undefined
}

/** The end of a file; empty if there is none. */
function readTail(path: string): string {
  if (!existsSync(path)) return ''
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const tail = Buffer.alloc(Math.min(TAIL, size))
    const read = readSync(file, tail, 0, tail.length, size - tail.length)
    return tail.subarray(0, read).toString()
  } finally {
    closeSync(file)
  }
}
