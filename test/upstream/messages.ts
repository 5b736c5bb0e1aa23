import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import type { ForwardedQuestion } from '../../src/resolver/upstream/forwarder.js'

/** Wire form of a name without escapes. */
export const wire = (name: string): Uint8Array =>
  Uint8Array.from([
    ...name
      .split('.')
      .flatMap(label => (label === '' ? [] : [label.length, ...Buffer.from(label)])),
    0
  ])

export const questionFor = (name: string, qtype: number = RRTYPE.A): ForwardedQuestion => ({
  question: Uint8Array.of(...wire(name), qtype >> 8, qtype, 0, 1),
  dnssecOk: false,
  checkingDisabled: false,
  forwarders: 0
})

export type ResponseOptions = {
  readonly id?: number
  readonly rcode?: number
  readonly truncated?: boolean
  readonly question?: Uint8Array
  /** Last octet of the address in the answer. */
  readonly mark?: number
  /** Data of a COOKIE option, in hexadecimal; undefined: no OPT, unless RCODE needs one. */
  readonly cookie?: string | undefined
}

/** A response to `query`, correct unless `options` say otherwise, with one A record 192.0.2.`mark`. */
export function responseTo(query: Uint8Array, options: ResponseOptions = {}): Uint8Array {
  const { rcode = RCODE.NOERROR, truncated = false, mark = 1 } = options
  const id = options.id ?? idOf(query)
  const question = options.question ?? questionOf(query)
  const answers = rcode === RCODE.NOERROR && !truncated ? 1 : 0
  const opt = optOf(rcode, options.cookie)
  const flags = [truncated ? 0x83 : 0x81, 0x80 | (rcode & 15)]
  const header = [id >> 8, id & 255, ...flags, 0, 1, 0, answers, 0, 0, 0, opt.length === 0 ? 0 : 1]
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, mark]
  return Uint8Array.from([...header, ...question, ...(answers === 1 ? record : []), ...opt])
}

/** NXDOMAIN with the SOA record that makes it cacheable. RFC 2308 §5. */
export function nxdomainTo(query: Uint8Array): Uint8Array {
  const response = responseTo(query, { rcode: RCODE.NXDOMAIN })
  // Owner as the question, TTL and MINIMUM 300, names of the root.
  const soa = [0xc0, 12, 0, 6, 0, 1, 0, 0, 1, 44, 0, 22, 0, 0, ...Array<number>(18).fill(0), 1, 44]
  const octets = Uint8Array.from([...response, ...soa])
  octets[9] = 1
  return octets
}

/** RFC 6891 §6.1.2, RFC 7873 §4. */
function optOf(rcode: number, cookie: string | undefined): number[] {
  if (cookie === undefined && rcode < 16) return []
  const data = [...Buffer.from(cookie ?? '', 'hex')]
  const option = cookie === undefined ? [] : [0, 10, 0, data.length, ...data]
  return [0, 0, 41, 4, 208, rcode >> 4, 0, 0, 0, 0, option.length, ...option]
}

/** Data of the COOKIE option of a query to an upstream, in hexadecimal; '': none. */
export function cookieOf(query: Uint8Array): string {
  const options = 12 + questionOf(query).length + 11
  return Buffer.from(query.subarray(options + 4)).toString('hex')
}

export function idOf(message: Uint8Array): number {
  return (message[0]! << 8) | message[1]!
}

/** QNAME, QTYPE and QCLASS. */
export function questionOf(message: Uint8Array): Uint8Array {
  let end = 12
  while (message[end] !== 0) end += message[end]! + 1
  return message.slice(12, end + 5)
}

/** First label of QNAME, in lower case. */
export function labelOf(message: Uint8Array): string {
  return Buffer.from(message.subarray(13, 13 + message[12]!))
    .toString()
    .toLowerCase()
}

/** RCODE of a response. */
export function rcodeOf(message: Uint8Array): number {
  return message[3]! & 15
}

/** Last octet of the address in a response's answer. */
export function markOf(message: Uint8Array): number {
  return message[12 + questionOf(message).length + 15]!
}
