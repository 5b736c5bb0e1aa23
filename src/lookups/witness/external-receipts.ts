import type { Milliseconds } from '../../base/units.js'
import { parseReceipts, type Receipt } from './receipts.js'

/** A receipt kept elsewhere: a line of the chain that existed at a time. */
export type HeldReceipt =
  | { readonly kind: 'stored'; readonly receipt: Receipt }
  | { readonly kind: 'response'; readonly response: Uint8Array }
  | {
      readonly kind: 'message'
      readonly n: number
      readonly sha256: string
      /** When it was received. */
      readonly at: Milliseconds
    }

/** The first octet of a SEQUENCE, as of a TimeStampResp. */
const DER_SEQUENCE = 0x30
const MESSAGE = /interdict-chain line=(\d{1,15}) sha256=([0-9a-f]{64}) time=(\S+)/
const TIME = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})/

/** The text of a checkpoint in the logs of syslog servers. */
export const messageOf = (line: number, sha256: string, time: string): string =>
  `interdict-chain line=${line} sha256=${sha256} time=${time}`

/**
 * Reads receipts that an auditor obtained elsewhere: a time stamp, a copy of `witness.jsonl`, or lines of a log with
 * messages of the gateway. The first time on such a line counts, since it is by the clock of the recipient.
 */
export function readHeldReceipts(file: Uint8Array): HeldReceipt[] {
  if (file[0] === DER_SEQUENCE) return [{ kind: 'response', response: file }]
  const text = Buffer.from(file).toString()
  const stored = parseReceipts(text).map((receipt): HeldReceipt => ({ kind: 'stored', receipt }))
  return [...stored, ...text.split('\n').flatMap(readMessage)]
}

function readMessage(line: string): HeldReceipt[] {
  const [found, n, sha256, time] = MESSAGE.exec(line) ?? []
  if (found === undefined || sha256 === undefined) return []
  const received = TIME.exec(line.replace(found, ''))?.[0] ?? time!
  const at = Date.parse(received)
  return Number.isNaN(at) ? [] : [{ kind: 'message', n: Number(n), sha256, at }]
}
