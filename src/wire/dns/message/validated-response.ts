import { copyOctets, getUint16, getUint32, setUint32 } from '../../../base/bytes/octets.js'
import type { Seconds } from '../../../base/units.js'
import { findOpt } from '../edns/opt.js'
import { NameBudget } from '../name/name-budget.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, OPT_FIXED_SIZE } from '../registry/sizes.js'
import { findRecords, RecordWriter, type MessageRecord } from './message-records.js'
import { qtypeOf } from './question.js'

const AD = 0x20
/** The records that only validators need. RFC 4035 §3.2.1. */
const PROOFS: ReadonlySet<number> = new Set([RRTYPE.RRSIG, RRTYPE.NSEC, RRTYPE.NSEC3])
/** The record types of which a client that asks for them gets all. */
const KEEPS_ALL: ReadonlySet<number> = new Set([...PROOFS, RRTYPE.ANY])

/** What validation has found out about a response. */
export interface ResponseValidity {
  readonly isSecure: boolean
  /** Until the first of its signatures expires. RFC 4035 §5.3.3. */
  readonly maxTtl: Seconds
}

/** Sets AD of a response to what was found out, whatever the upstream set. RFC 4035 §3.2.3. */
export function setAuthentic(message: Uint8Array, isSecure: boolean): void {
  message[3] = isSecure ? message[3]! | AD : message[3]! & ~AD
}

/**
 * The response that a client gets, made of one that was queried with DO and validated: with AD and TTLs as validation found,
 * and for a client that did not set DO without signatures and proofs. RFC 4035 §3.2.1.
 *
 * @param message its records have been decoded before; changed in place if nothing has to be removed
 * @throws InterdictError WIRE_LARGE and as `decompressName`
 */
export function validatedResponse(
  message: Uint8Array,
  question: Uint8Array,
  dnssecOk: boolean,
  { isSecure, maxTtl }: ResponseValidity
): Uint8Array {
  const budget = new NameBudget()
  budget.begin(message.length)
  const records = findRecords(message, question, budget)
  setAuthentic(message, isSecure)
  for (const { at } of records)
    if (getUint32(message, at + 4) > maxTtl) setUint32(message, at + 4, maxTtl)
  const qtype = qtypeOf(question)
  if (dnssecOk || KEEPS_ALL.has(qtype)) return message
  const kept = records.filter(record => isForClients(record, qtype))
  return kept.length === records.length ? message : rewrite(message, question, kept)
}

function isForClients({ section, type }: MessageRecord, qtype: number): boolean {
  if (PROOFS.has(type)) return false
  return type !== RRTYPE.DS || section === 0 || qtype === RRTYPE.DS
}

function rewrite(
  message: Uint8Array,
  question: Uint8Array,
  kept: readonly MessageRecord[]
): Uint8Array {
  const head = new Uint8Array(HEADER_SIZE + question.length)
  copyOctets(message, 0, head.length, head, 0)
  const writer = new RecordWriter(head)
  for (const record of kept) writer.add(message, record)
  // With the upstream's extended errors.
  const opt = findOpt(message, 0, message.length)
  if (opt > 0) {
    const options = opt + OPT_FIXED_SIZE
    const size = getUint16(message, options - 2)
    writer.addOpt(message[opt + 5]! << 4, message.subarray(options, options + size))
  }
  return writer.finish()
}
