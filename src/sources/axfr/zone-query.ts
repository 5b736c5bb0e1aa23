import { randomInt } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  encodeZoneQuery,
  decodeSoa,
  ZoneResponse,
  type Soa
} from '../../wire/dns/message/zone-message.js'
import { RCODE, showRcode } from '../../wire/dns/registry/rcode.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { exchange, type ExchangeOptions } from './exchange.js'
import type { Primary } from './primary.js'
import { TransferError, TransferReader, type TransferResult } from './transfer-reader.js'

/** For an SOA query: one message each way. */
const SOA_TIMEOUT: Milliseconds = 5_000
const MAX_SOA_RESPONSE: Octets = 65_537

export interface ZoneQueryOptions {
  /** Canonical text, and wire format in lower case. */
  readonly zone: string
  readonly name: Uint8Array
  readonly primary: Primary
  /** For one transfer. */
  readonly timeout: Milliseconds
  /** Maximum number of octets received in one transfer. */
  readonly maxSize: Octets
  /** Wall-clock time. */
  readonly now: () => Milliseconds
}

/**
 * Queries a primary for the SOA of a zone. @throws InterdictError as `exchange`, TRANSFER_REFUSED
 */
export async function querySoa({ timeout, ...options }: ZoneQueryOptions): Promise<Soa> {
  const { zone, name, primary } = options
  let soa: Soa | undefined
  const id = randomInt(65_536)
  const limits = {
    ...options,
    timeout: Math.min(timeout, SOA_TIMEOUT),
    maxSize: MAX_SOA_RESPONSE
  }
  await exchange(limits, encodeZoneQuery(id, name, RRTYPE.SOA), message => {
    const answer = parseResponse(options, message, id, RRTYPE.SOA)
    answer.each(record => {
      if (record.type === RRTYPE.SOA) soa ??= decodeSoa(message, record)
    })
    return true
  })
  if (soa === undefined)
    throw failure('TRANSFER_BROKEN', zone, primary.id, 'the response has no SOA')
  return soa
}

/**
 * Transfers a zone: the whole zone (AXFR) or the changes since a version (IXFR).
 *
 * @param currentSerial serial of that version; undefined: AXFR
 * @param maxTextSize maximum number of octets of zone text
 * @throws InterdictError as `exchange`, TRANSFER_REFUSED
 */
export async function transferZone(
  options: ZoneQueryOptions,
  currentSerial: number | undefined,
  maxTextSize: Octets
): Promise<TransferResult> {
  const { zone, name, primary } = options
  const reader = new TransferReader(name, currentSerial, maxTextSize)
  const qtype = currentSerial === undefined ? RRTYPE.AXFR : RRTYPE.IXFR
  const id = randomInt(65_536)
  await exchange(options, encodeZoneQuery(id, name, qtype, currentSerial), message => {
    const answer = parseResponse(options, message, id, qtype)
    if (answer.count === 0)
      throw failure('TRANSFER_BROKEN', zone, primary.id, 'a message has no records')
    try {
      answer.each(record => reader.add(message, record))
    } catch (error) {
      if (!(error instanceof TransferError)) throw error
      throw failure('TRANSFER_BROKEN', zone, primary.id, error.message)
    }
    if (reader.isTooLarge) throw failure('TRANSFER_LARGE', zone, primary.id, maxTextSize)
    return reader.isDone
  })
  return reader.result!
}

function parseResponse(
  {
    zone,
    name,
    primary
  }: Pick<ExchangeOptions, 'zone' | 'primary'> & { readonly name: Uint8Array },
  message: Uint8Array,
  id: number,
  qtype: number
): ZoneResponse {
  const answer = new ZoneResponse(message, name, id, qtype)
  const { rcode } = answer
  if (rcode !== RCODE.NOERROR) {
    throw failure('TRANSFER_REFUSED', zone, primary.id, showRcode(rcode))
  }
  return answer
}
