import { decodeName } from '../../src/wire/dns/name/name.js'
import { header, name, octets, record, TO_QNAME, u32, type Part } from '../dns/octets.js'

/**
 * What is asked for in the soak, and what the rules of each generation and the upstream say of it.
 * Kinds of names, by the label before `soak.example`:
 *
 * `banned`   by every generation
 * `even`     by generations with an even number; `odd` likewise
 * `alias`    by nobody, but its answer leads by CNAME to a name of `odd`
 * `address`  by nobody, but its answer has an address that even generations ban
 * `hot`      by nobody, of a few names that are asked for again and again
 * `fresh`    by nobody, each name once
 */
export const KINDS = ['banned', 'even', 'odd', 'alias', 'address', 'hot', 'fresh'] as const
export type Kind = (typeof KINDS)[number]

const ZONE = 'soak.example'
const HOT_TTL = 5
const TTL = 60
const A = 1
const CNAME = 5
const NS = 2
const SOA = 6

/** The rules of a generation, as the text of a `networks.yaml`. */
export function networksOf(generation: number): string {
  const even = generation % 2 === 0
  const turn = even ? `even.${ZONE}` : `odd.${ZONE}`
  const addresses = even ? '203.0.113.0/24' : '203.0.114.0/24'
  return `# generation ${generation}
networks:
  all:
    prefixes: [127.0.0.0/8]
    bans:
      - { names: [banned.${ZONE}, ${turn}], authority: Nobody, reference: turn ${generation} }
      - { addresses: [${addresses}], authority: Nobody, reference: addresses ${generation} }
`
}

/** What is right for one generation: the ban's answer, or the upstream's. */
export type Right = 'nxdomain' | 'nodata' | 'answer'

export function rightFor(kind: Kind, generation: number): Right {
  const even = generation % 2 === 0
  switch (kind) {
    case 'banned':
      return 'nxdomain'
    case 'even':
      return even ? 'nxdomain' : 'answer'
    case 'odd':
    case 'alias':
      return even ? 'answer' : 'nxdomain'
    case 'address':
      return even ? 'nodata' : 'answer'
    case 'hot':
    case 'fresh':
      return 'answer'
  }
}

export function nameOf(kind: Kind, number: number): string {
  return `n${number}.${kind}.${ZONE}`
}

/** The address that the upstream has for a name of a kind. */
export function addressOf(kind: string, number: number): string {
  return `${kind === 'address' ? '203.0.113' : '192.0.2'}.${number % 251}`
}

/** The answer section that is right, as `shown` shows it, less TTLs. */
export function recordsOf(kind: Kind, number: number): string[] {
  const owner = nameOf(kind, number)
  const address = addressOf(kind, number)
  if (kind !== 'alias') return [`${owner} A ${address}`]
  const target = nameOf('odd', number)
  return [`${owner} CNAME ${target}`, `${target} A ${addressOf('odd', number)}`]
}

/** Longest TTL that an answer may have: stale ones are given for 30 s. RFC 8767 §4. */
export const LONGEST_TTL = TTL

/** The upstream's response. It serves the root too, which gateways probe for. */
export function respond(query: Uint8Array): Uint8Array {
  const { name: qname, end } = decodeName(query, 12)
  const question = query.slice(12, end + 4)
  const qtype = (query[end]! << 8) | query[end + 1]!
  const [label, kind] = qname.split('.')
  const number = Number(label?.slice(1))
  const id = (query[0]! << 8) | query[1]!
  const answer = (...records: readonly Part[]): Uint8Array =>
    octets(header(id, 0x8180, 1, records.length, 0, 0), question, ...records)
  if (qtype === NS) return answer(record(TO_QNAME, NS, TTL, name(ZONE)))
  if (qtype !== A || kind === undefined) return noData(id, question)
  const ttl = kind === 'hot' ? HOT_TTL : TTL
  const data = addressOf(kind, number).split('.').map(Number)
  if (kind !== 'alias') return answer(record(TO_QNAME, A, ttl, data))
  const target = nameOf('odd', number)
  return answer(record(TO_QNAME, CNAME, ttl, name(target)), record(target, A, ttl, data))
}

function noData(id: number, question: Uint8Array): Uint8Array {
  const data = [...name(ZONE), ...name(ZONE), ...[1, 60, 60, 60, TTL].flatMap(u32)]
  return octets(header(id, 0x8180, 1, 0, 1, 0), question, record(ZONE, SOA, TTL, data))
}
