import { ednsOf, flagBits, optOctets, rcodeOf, recordOctets, words } from './message-octets.js'
import { readMessage } from './message-text.js'
import type { Canned } from './scenario.js'

const HEADER = 12
const QR_RD_RA = 0x8180

/** Canned responses of a scenario's upstreams. */
export class CannedUpstream {
  constructor(public answers: readonly Canned[]) {}

  /** The response to a query as an upstream receives it; undefined: no response. */
  respond(query: Uint8Array): Buffer | undefined {
    const canned = this.find(query)
    if (canned === undefined) return respondWith(query, { rcode: 'REFUSED' })
    if (canned.dead) return undefined
    return canned.octets === undefined
      ? respondWith(query, canned)
      : adaptOctets(canned.octets, query)
  }

  /** Delay in seconds; undefined: none. */
  delay(query: Uint8Array): number | undefined {
    return this.find(query)?.after
  }

  private find(query: Uint8Array): Canned | undefined {
    const [question = ''] = readMessage(query).questions
    const [name, type] = question.split(' ')
    return this.answers.find(one => one.name === name!.toLowerCase() && one.type === type!)
  }
}

function respondWith(query: Uint8Array, canned: Partial<Canned>): Buffer {
  const { questionEnd } = readMessage(query)
  const { answers = [], authorities = [], additionals = [], flags = '' } = canned
  const rcode = rcodeOf(canned.rcode ?? 'NOERROR')
  const edns = ednsOf(canned.edns ?? false)
  const bits = QR_RD_RA | flagBits(flags) | (rcode & 15)
  const arcount = additionals.length + (edns === undefined ? 0 : 1)
  return Buffer.concat([
    query.subarray(0, 2),
    words(bits, 1, answers.length, authorities.length, arcount),
    query.subarray(HEADER, questionEnd),
    ...[...answers, ...authorities, ...additionals].map(recordOctets),
    edns === undefined ? Buffer.of() : optOctets(edns, rcode)
  ])
}

/** Raw octets with the ID of the query, and the question in the letter case of the query. */
function adaptOctets(octets: Buffer, query: Uint8Array): Buffer {
  const response = Buffer.from(octets)
  const { questionEnd } = readMessage(query)
  response.set(query.subarray(0, 2))
  const theirs = response.toString('latin1', HEADER, questionEnd).toLowerCase()
  const ours = Buffer.from(query).toString('latin1', HEADER, questionEnd)
  if (theirs === ours.toLowerCase()) response.set(query.subarray(HEADER, questionEnd), HEADER)
  return response
}

/** Whether a response has the question of the query, or none; otherwise it counts as spoofed. */
export function answers(query: Uint8Array, response: Uint8Array): boolean {
  if (Buffer.from(response).readUInt16BE(4) === 0) return true
  const { questionEnd } = readMessage(query)
  const [ours, theirs] = [query, response].map(one => Buffer.from(one).subarray(12, questionEnd))
  return ours!.equals(theirs!)
}
