/**
 * Replies, written over the query they answer: the header at `query.at`, the question as the
 * client spelt it, the rest from `query.questionEnd` on. Every writer returns the reply's length
 * in octets and keeps to `limit`, the most octets that the client takes; the caller sees to it
 * that the buffer has so many after `query.at`.
 */
import type { Octets, Seconds } from '../base/units.js'
import { RCODE } from '../dns/rcode.js'
import { RRCLASS } from '../dns/rrclass.js'
import { RRTYPE } from '../dns/rrtype.js'
import type { Answer } from './answer.js'
import { EDE_BARE, OPTION_EDE } from './ede-option.js'
import { readName } from './name.js'
import { HEADER, type Query } from './query.js'

export { edeOption } from './ede-option.js'

/** The largest UDP message that we take: no fragments on any sane path. RFC 9715 §3.1. */
export const UDP_SIZE: Octets = 1232

/** OPT without options: root owner, TYPE, CLASS, TTL, RDLENGTH. RFC 6891 §6.1.2. */
const OPT_BARE: Octets = 11

/** Owner that points at QNAME, TYPE, CLASS, TTL, RDLENGTH. RFC 1035 §4.1.3, §4.1.4. */
const RECORD_HEAD: Octets = 12

const TC = 0x02
const RA = 0x80
const AD = 0x20

/** Refresh, retry and expire of our SOA: nobody transfers it, but tools look for sane values. */
const SOA_TIMERS = [3600, 600, 86_400] as const
/** SOA from TYPE on, with TTL, SERIAL and MINIMUM left at 0. RFC 1035 §3.3.13. */
const SOA = soaTemplate()
const SOA_TTL: Octets = 4
const SOA_SERIAL: Octets = SOA.length - 20
const SOA_MINIMUM: Octets = SOA.length - 4

/**
 * A header, the question if it could be read, and the error.
 *
 * @param rcode 16 and above need EDNS (RFC 6891 §6.1.3); without it SERVFAIL is said instead
 */
export function writeError(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  rcode: number,
  ede: Uint8Array | undefined
): Octets {
  writeHead(octets, query, 0, 0, rcode, 0, 0, 0)
  return close(octets, query, limit, query.questionEnd, rcode, ede)
}

/**
 * NXDOMAIN, or NOERROR without an answer (NODATA), with an SOA of our own making in AUTHORITY, so
 * that it can be kept for `ttl`. RFC 2308 §3.
 *
 * @param soaLabel the label of QNAME at which the SOA's owner begins; `query.qname.labels`: root
 */
export function writeNegative(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  rcode: number,
  soaLabel: number,
  ttl: Seconds,
  serial: number,
  ede: Uint8Array | undefined
): Octets {
  const { qname } = query
  const root = soaLabel >= qname.labels
  let pos = query.questionEnd
  if (!fits(query, limit, (root ? 1 : 2) + SOA.length)) return writeTruncated(octets, query)
  if (root) {
    octets[pos++] = 0
  } else {
    putWord(octets, pos, 0xc000 | (HEADER + qname.starts[soaLabel]!))
    pos += 2
  }
  octets.set(SOA, pos)
  putLong(octets, pos + SOA_TTL, ttl)
  putLong(octets, pos + SOA_SERIAL, serial)
  putLong(octets, pos + SOA_MINIMUM, ttl)
  writeHead(octets, query, 0, 0, rcode, 0, 1, 0)
  return close(octets, query, limit, pos + SOA.length, rcode, ede)
}

/** One address as the answer. @param rdata 4 octets for an A record, 16 for AAAA */
export function writeAddress(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  rdata: Uint8Array,
  ttl: Seconds,
  ede: Uint8Array | undefined
): Octets {
  const type = rdata.length === 4 ? RRTYPE.A : RRTYPE.AAAA
  return writeRecord(octets, query, limit, type, rdata, ttl, ede)
}

/** A CNAME as the answer. @param target wire form, root label included */
export function writeCname(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  target: Uint8Array,
  ttl: Seconds,
  ede: Uint8Array | undefined
): Octets {
  return writeRecord(octets, query, limit, RRTYPE.CNAME, target, ttl, ede)
}

/** An empty answer with TC set: come again over TCP. RFC 7766 §5. */
export function writeTruncated(octets: Uint8Array, query: Query): Octets {
  writeHead(octets, query, TC, 0, RCODE.NOERROR, 0, 0, 0)
  return close(octets, query, 0, query.questionEnd, RCODE.NOERROR, undefined)
}

/**
 * An answer that we hold, its TTLs run down by `age`. What does not fit goes without any record,
 * TC set: a part of an RRset is no use to anybody. RFC 2181 §9.
 */
export function writeAnswer(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  answer: Answer,
  age: Seconds
): Octets {
  const { body, rcode, ede } = answer
  const start = query.questionEnd
  if (!fits(query, limit, body.length)) return writeTruncated(octets, query)
  octets.set(body, start)
  if (age > 0) ageTtls(octets, start, answer.ttls, age)
  const ad = answer.authentic && (query.authenticData || query.dnssecOk) ? AD : 0
  writeHead(octets, query, 0, ad, rcode, answer.answers, answer.authorities, answer.additionals)
  return close(octets, query, limit, start + body.length, rcode, ede?.option)
}

/** A short answer laid out in memory among others; see `cache/shelf.ts`. */
export interface Ready {
  readonly octets: Uint8Array
  /** Position in `octets` of the records, and how many octets they are. */
  readonly body: Octets
  readonly bodyLength: Octets
  /** Position in `octets` of octets that say where in the body TTLs are, and their number. */
  readonly ttls: Octets
  readonly ttlCount: number
  readonly rcode: number
  readonly authentic: boolean
  readonly answers: number
  readonly authorities: number
  readonly additionals: number
  readonly age: Seconds
}

/** As `writeAnswer`, from memory that is not to be cut into arrays for each reply. */
export function writeReady(octets: Uint8Array, query: Query, limit: Octets, ready: Ready): Octets {
  const { octets: from, body, bodyLength, ttls, ttlCount, rcode, age } = ready
  const start = query.questionEnd
  if (!fits(query, limit, bodyLength)) return writeTruncated(octets, query)
  for (let i = 0; i < bodyLength; i++) octets[start + i] = from[body + i]!
  if (age > 0) for (let i = 0; i < ttlCount; i++) ageTtl(octets, start + from[ttls + i]!, age)
  const ad = ready.authentic && (query.authenticData || query.dnssecOk) ? AD : 0
  writeHead(octets, query, 0, ad, rcode, ready.answers, ready.authorities, ready.additionals)
  return close(octets, query, limit, start + bodyLength, rcode, undefined)
}

function writeRecord(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  type: number,
  rdata: Uint8Array,
  ttl: Seconds,
  ede: Uint8Array | undefined
): Octets {
  if (!fits(query, limit, RECORD_HEAD + rdata.length)) return writeTruncated(octets, query)
  const pos = query.questionEnd
  putWord(octets, pos, 0xc000 | HEADER)
  putWord(octets, pos + 2, type)
  putWord(octets, pos + 4, RRCLASS.IN)
  putLong(octets, pos + 6, ttl)
  putWord(octets, pos + 10, rdata.length)
  copy(rdata, octets, pos + RECORD_HEAD)
  writeHead(octets, query, 0, 0, RCODE.NOERROR, 1, 0, 0)
  return close(octets, query, limit, pos + RECORD_HEAD + rdata.length, RCODE.NOERROR, ede)
}

/**
 * The header: ID, OPCODE, RD and CD stay those of the query, Z and AA are cleared; the counts, to
 * which that of ADDITIONAL adds our OPT. RFC 1035 §4.1.1, RFC 4035 §3.2.2 for CD.
 */
function writeHead(
  octets: Uint8Array,
  query: Query,
  tc: number,
  ad: number,
  rcode: number,
  answers: number,
  authorities: number,
  additionals: number
): void {
  const { at, edns } = query
  const said = rcode > 0x0f && !edns ? RCODE.SERVFAIL : rcode & 0x0f
  octets[at + 2] = 0x80 | (octets[at + 2]! & 0x79) | tc
  octets[at + 3] = RA | ad | (octets[at + 3]! & 0x10) | said
  octets[at + 4] = 0
  octets[at + 5] = query.questionEnd > at + HEADER ? 1 : 0
  putWord(octets, at + 6, answers)
  putWord(octets, at + 8, authorities)
  putWord(octets, at + 10, edns ? additionals + 1 : additionals)
}

/** Whether `length` octets fit after the question, and an OPT after them if there has to be one. */
function fits(query: Query, limit: Octets, length: Octets): boolean {
  return query.questionEnd - query.at + length + (query.edns ? OPT_BARE : 0) <= limit
}

/**
 * Ends a reply whose records end at `at`: if the query had an OPT, so has the reply, and in it the
 * extended error if it fits; else that without its text, else no more than the OPT.
 *
 * @param ede as `edeOption` prepares it
 * @returns the length of the whole reply
 */
function close(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  at: Octets,
  rcode: number,
  ede: Uint8Array | undefined
): Octets {
  if (!query.edns) return at - query.at
  const options = at + OPT_BARE
  octets[at] = 0
  putWord(octets, at + 1, RRTYPE.OPT)
  putWord(octets, at + 3, UDP_SIZE)
  octets[at + 5] = rcode >> 4
  octets[at + 6] = 0
  octets[at + 7] = query.dnssecOk ? 0x80 : 0
  octets[at + 8] = 0
  const length = ede === undefined ? 0 : putEde(octets, options, query.at + limit, ede)
  putWord(octets, at + 9, length)
  return options + length - query.at
}

/** Returns how many octets of `ede` there was room for before `most`: all, EDE_BARE or none. */
function putEde(octets: Uint8Array, at: Octets, most: Octets, ede: Uint8Array): Octets {
  if (at + ede.length <= most) {
    octets.set(ede, at)
    return ede.length
  }
  if (at + EDE_BARE > most) return 0
  putWord(octets, at, OPTION_EDE)
  putWord(octets, at + 2, EDE_BARE - 4)
  octets[at + 4] = ede[4]!
  octets[at + 5] = ede[5]!
  return EDE_BARE
}

/** Lets the TTLs at `base + ttls[i]` run down by `age`, to 0 at the least. */
function ageTtls(octets: Uint8Array, base: Octets, ttls: Uint16Array, age: Seconds): void {
  for (const at of ttls) ageTtl(octets, base + at, age)
}

function ageTtl(octets: Uint8Array, pos: Octets, age: Seconds): void {
  // Kept TTLs have bit 31 clear (RFC 2181 §8), so that this is never negative.
  const ttl =
    (octets[pos]! << 24) | (octets[pos + 1]! << 16) | (octets[pos + 2]! << 8) | octets[pos + 3]!
  putLong(octets, pos, ttl > age ? ttl - age : 0)
}

function soaTemplate(): Uint8Array {
  const mname = readName('interdict.invalid')
  const rname = readName('hostmaster.interdict.invalid')
  const names = mname.length + rname.length
  const octets = new Uint8Array(10 + names + 20)
  putWord(octets, 0, RRTYPE.SOA)
  putWord(octets, 2, RRCLASS.IN)
  putWord(octets, 8, names + 20)
  octets.set(mname, 10)
  octets.set(rname, 10 + mname.length)
  SOA_TIMERS.forEach((seconds, i) => putLong(octets, 10 + names + 4 + 4 * i, seconds))
  return octets
}

/** For a few octets, where the call of `set` costs more than a loop. */
function copy(from: Uint8Array, to: Uint8Array, at: Octets): void {
  for (let i = 0; i < from.length; i++) to[at + i] = from[i]!
}

function putWord(octets: Uint8Array, at: Octets, value: number): void {
  octets[at] = value >> 8
  octets[at + 1] = value
}

function putLong(octets: Uint8Array, at: Octets, value: number): void {
  octets[at] = value >> 24
  octets[at + 1] = value >> 16
  octets[at + 2] = value >> 8
  octets[at + 3] = value
}
