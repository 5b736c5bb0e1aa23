import { randomInt } from 'node:crypto'
import { failure } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  encodeZoneQuery,
  decodeSoa,
  ZoneResponse,
  type Soa
} from '../../dns/message/zone-message.js'
import { RCODE, showRcode } from '../../dns/registry/rcode.js'
import { RRTYPE } from '../../dns/registry/rrtype.js'
import { exchange, type ExchangeParts } from './exchange.js'
import type { Primary } from './primary.js'
import { TransferFlaw, ZoneReader, type Transferred } from './zone-reader.js'

/** For an SOA: one message each way. */
const PROBE: Milliseconds = 5_000
const PROBE_OCTETS: Octets = 65_537

export interface AskParts {
  /** Canonical text, and lower-cased wire form. */
  readonly zone: string
  readonly name: Uint8Array
  readonly primary: Primary
  /** For one transfer. */
  readonly time: Milliseconds
  /** Most octets of one transfer. */
  readonly most: Octets
  /** By the calendar. */
  readonly now: () => Milliseconds
}

/** What the zone says of itself at a primary. @throws InterdictError as `exchange`, TRANSFER_REFUSED */
export async function askSoa({ time, ...parts }: AskParts): Promise<Soa> {
  const { zone, name, primary } = parts
  let soa: Soa | undefined
  const id = randomInt(65_536)
  const limits = { ...parts, time: Math.min(time, PROBE), most: PROBE_OCTETS }
  await exchange(limits, encodeZoneQuery(id, name, RRTYPE.SOA), message => {
    const answer = openAnswer(parts, message, id, RRTYPE.SOA)
    answer.each(record => {
      if (record.type === RRTYPE.SOA) soa ??= decodeSoa(message, record)
    })
    return true
  })
  if (soa === undefined) throw failure('TRANSFER_BROKEN', zone, primary.id, 'there is no SOA')
  return soa
}

/**
 * Transfers a zone: all of it, or, where there is a state of it, what has changed.
 *
 * @param have the serial of that state
 * @param most octets of its text
 * @throws InterdictError as `exchange`, TRANSFER_REFUSED
 */
export async function askZone(
  parts: AskParts,
  have: number | undefined,
  most: Octets
): Promise<Transferred> {
  const { zone, name, primary } = parts
  const reader = new ZoneReader(name, have, most)
  const qtype = have === undefined ? RRTYPE.AXFR : RRTYPE.IXFR
  const id = randomInt(65_536)
  await exchange(parts, encodeZoneQuery(id, name, qtype, have), message => {
    const answer = openAnswer(parts, message, id, qtype)
    if (answer.count === 0) throw failure('TRANSFER_BROKEN', zone, primary.id, 'a message is empty')
    try {
      answer.each(record => reader.take(message, record))
    } catch (error) {
      if (!(error instanceof TransferFlaw)) throw error
      throw failure('TRANSFER_BROKEN', zone, primary.id, error.message)
    }
    if (reader.isTooLarge) throw failure('TRANSFER_LARGE', zone, primary.id, most)
    return reader.isDone
  })
  return reader.result!
}

function openAnswer(
  { zone, name, primary }: Pick<ExchangeParts, 'zone' | 'primary'> & { readonly name: Uint8Array },
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
