import type { Octets } from '../../src/base/units.js'
import { word } from './landmarks.js'

/**
 * What is wrong with a reply, read by nothing that wrote it; undefined: nothing.
 *
 * A reply answers a query and never a response; it has its ID, opcode, RD and CD, and its question
 * octet for octet; AA and Z are clear, RA is set; records are as many as the counts say and end where the
 * message ends; names end, and pointers in them lead back, behind the header; OPT stands in ADDITIONAL,
 * once, and only if the query had one; what is truncated has no records.
 *
 * @param limit most octets that it may have
 */
export function faultOf(query: Uint8Array, reply: Uint8Array, limit: Octets): string | undefined {
  if (query.length < 12) return 'answers what is shorter than a header'
  if ((query[2]! & 0x80) !== 0) return 'answers a response'
  if (reply.length < 12) return 'shorter than a header'
  if (reply.length > limit) return `${reply.length} octets, ${limit} at most`
  return faultOfHeader(query, reply) ?? faultOfRest(query, reply)
}

function faultOfHeader(query: Uint8Array, reply: Uint8Array): string | undefined {
  if (word(query, 0) !== word(reply, 0)) return 'another ID'
  if ((reply[2]! & 0x80) === 0) return 'QR is clear'
  if ((reply[2]! & 0x79) !== (query[2]! & 0x79)) return 'another opcode or RD'
  if ((reply[2]! & 0x04) !== 0) return 'AA is set'
  // RA is for opcode QUERY alone.
  const ra = (query[2]! & 0x78) === 0 ? 0x80 : 0
  if ((reply[3]! & 0xc0) !== ra) return 'RA is wrong, or Z is set'
  if ((reply[3]! & 0x10) !== (query[3]! & 0x10)) return 'another CD'
  const records = word(reply, 6) + word(reply, 8)
  return (reply[2]! & 0x02) !== 0 && records > 0 ? 'truncated, but with records' : undefined
}

function faultOfRest(query: Uint8Array, reply: Uint8Array): string | undefined {
  const asked = word(query, 4) === 1 ? questionEnd(query) : 0
  const questions = word(reply, 4)
  if (questions !== (asked > 0 ? 1 : 0)) return `${questions} questions`
  for (let at = 12; at < asked; at++) {
    if (query[at] !== reply[at]) return `another question at octet ${at}`
  }
  return faultOfRecords(query, reply, asked > 0 ? asked : 12)
}

/** The position after a question that can be read, else 0. Names in it have no pointers. */
function questionEnd(message: Uint8Array): Octets {
  for (let at = 12; at < message.length && at - 12 < 255;) {
    const head = message[at]!
    if (head === 0) return at + 5 <= message.length ? at + 5 : 0
    if (head > 63) return 0
    at += 1 + head
  }
  return 0
}

const OPT = 41

function faultOfRecords(query: Uint8Array, reply: Uint8Array, start: Octets): string | undefined {
  let at = start
  let opts = 0
  for (let section = 1; section <= 3; section++) {
    for (let left = word(reply, 4 + 2 * section); left > 0; left--) {
      const name = nameEnd(reply, at)
      if (name === undefined) return `a broken name at octet ${at}`
      const end = name + 10 + word(reply, name + 8)
      if (name + 10 > reply.length || end > reply.length) return `a record cut short at ${at}`
      const type = word(reply, name)
      if (type === OPT && (section !== 3 || reply[at] !== 0 || ++opts > 1)) return 'a wrong OPT'
      const broken =
        type === OPT
          ? faultOfOptions(reply, name + 10, end)
          : faultOfData(reply, type, name + 10, end)
      if (broken !== undefined) return broken
      at = end
    }
  }
  if (at !== reply.length) return `${reply.length - at} octets behind the last record`
  return opts > 0 && !hasOpt(query) ? 'an OPT that nobody asked for' : undefined
}

/** Whether the octets of an OPT's owner and type are anywhere in it. */
function hasOpt(query: Uint8Array): boolean {
  return Buffer.from(query).includes(Buffer.from([0, 0, OPT]))
}

function faultOfOptions(reply: Uint8Array, start: Octets, end: Octets): string | undefined {
  let at = start
  while (at + 4 <= end) at += 4 + word(reply, at + 2)
  return at === end ? undefined : 'options that do not fill the OPT'
}

/** Octets before the names in RDATA and their number, where they may be compressed: RFC 3597 §4. */
const NAMES: Readonly<Record<number, readonly [before: Octets, names: number, after: Octets]>> = {
  2: [0, 1, 0], // NS
  5: [0, 1, 0], // CNAME
  6: [0, 2, 20], // SOA
  12: [0, 1, 0], // PTR
  15: [2, 1, 0], // MX
  33: [6, 1, 0], // SRV
  39: [0, 1, 0] // DNAME
}

function faultOfData(
  reply: Uint8Array,
  type: number,
  start: Octets,
  end: Octets
): string | undefined {
  const form = NAMES[type]
  if (form === undefined) return undefined
  let at: Octets | undefined = start + form[0]
  for (let left = form[1]; left > 0 && at !== undefined; left--) at = nameEnd(reply, at)
  return at !== undefined && at + form[2] === end ? undefined : `broken data of type ${type}`
}

/** The position after a name whose labels, those behind pointers too, can be read to its end. */
function nameEnd(message: Uint8Array, start: Octets): Octets | undefined {
  let end: Octets | undefined
  let floor = start
  let length = 1
  for (let at = start; at < message.length;) {
    const head = message[at]!
    if (head === 0) return end ?? at + 1
    if (head >= 0xc0) {
      const to = word(message, at) & 0x3fff
      if (at + 2 > message.length || to >= floor || to < 12) return undefined
      end ??= at + 2
      at = floor = to
      continue
    }
    length += 1 + head
    if (head > 63 || length > 255) return undefined
    at += 1 + head
  }
  return undefined
}
