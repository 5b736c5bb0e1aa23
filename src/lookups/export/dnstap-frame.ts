import { hostname } from 'node:os'
import { isMapped, readAddress } from '../../base/values/address.js'
import { packageVersion } from '../../base/package.js'
import { readName } from '../../wire/dns/name/name.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { readRrtype, RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { QueryRecord } from '../event/schema.js'
import { frame } from './frame-streams.js'

/** Field and enum numbers from dnstap.proto. */
const TYPE_MESSAGE = 1
const CLIENT_RESPONSE = 6
const FAMILY = { inet: 1, inet6: 2 } as const
const SOCKET: Readonly<Record<string, number>> = { udp: 1, tcp: 2, dot: 3, doh: 4 }
const ACTION = { nxdomain: 1, pass: 3, drop: 4 } as const
const MATCH: Readonly<Record<string, number>> = {
  qname: 1,
  cname: 1,
  dname: 1,
  svcb: 1,
  address: 3
}
const KINDS = ['ban', 'block', 'exception', 'allow'] as const

/** QR, RD and RA. RFC 1035 §4.1.1. */
const FLAGS = 0x8180
const EDE = 15
const EDNS_UDP_SIZE = 1232

const IDENTITY = bytes(1, Buffer.from(hostname()))
const VERSION = bytes(2, Buffer.from(`interdict ${packageVersion()}`))

/** Encodes a lookup as one frame: CLIENT_RESPONSE, with `Policy` if a rule matched. */
export function dnstapFrame(record: QueryRecord): Uint8Array {
  const { client, device } = record
  const address = client === undefined ? undefined : addressOf(client)
  // A pseudonym, a prefix or a name does not fit in the address field; it goes to `extra`.
  const name = device ?? (address === undefined ? client : undefined)
  const extra = name === undefined ? [] : [bytes(3, Buffer.from(name))]
  return frame(
    Buffer.concat([
      ...[IDENTITY, VERSION, ...extra],
      bytes(14, messageOf(record, address)),
      number(15, TYPE_MESSAGE)
    ])
  )
}

function messageOf(record: QueryRecord, address: Uint8Array | undefined): Buffer {
  const { protocol, time, us } = record
  const answered = Date.parse(time)
  const arrived = answered - us / 1000
  const policy = policyOf(record)
  const response = responseOf(record)
  return Buffer.concat([
    number(1, CLIENT_RESPONSE),
    ...(address === undefined
      ? []
      : [number(2, address.length === 4 ? FAMILY.inet : FAMILY.inet6), bytes(4, address)]),
    number(3, SOCKET[protocol]!),
    ...[instant(8, arrived), instant(12, answered)],
    ...(response === undefined ? [] : [bytes(14, response)]),
    ...(policy === undefined ? [] : [bytes(15, policy)])
  ])
}

function policyOf(record: QueryRecord): Buffer | undefined {
  const kind = KINDS.find(it => record[it] !== undefined)
  if (kind === undefined) return undefined
  const action = actionOf(record)
  const match = MATCH[record.match ?? '']
  return Buffer.concat([
    bytes(1, Buffer.from(kind)),
    bytes(2, Buffer.from(`${record[kind]!} ${record.rule ?? ''}`.trim())),
    ...(action === undefined ? [] : [number(3, action)]),
    ...(match === undefined ? [] : [number(4, match)]),
    ...(record.pattern === undefined ? [] : [bytes(5, Buffer.from(record.pattern))])
  ])
}

/** Undefined if the record does not tell, or dnstap has no such action (REFUSED). */
function actionOf({ verdict, rcode }: QueryRecord): number | undefined {
  if (verdict !== 'blocked') return ACTION.pass
  if (rcode === undefined) return ACTION.drop
  return rcode === 'NXDOMAIN' ? ACTION.nxdomain : undefined
}

/** Header, question and extended DNS error: the parts of the message that the record has. */
function responseOf({ qname, qtype, rcode, ede }: QueryRecord): Buffer | undefined {
  const type = readRrtype(qtype)
  if (rcode === undefined || type === undefined) return undefined
  const known = RCODE[rcode as keyof typeof RCODE] as number | undefined
  const code = known ?? Number(rcode.replace('RCODE', ''))
  const hasOpt = ede !== undefined || code > 15
  const head = Buffer.alloc(12)
  head.writeUInt16BE(FLAGS | (code & 15), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(hasOpt ? 1 : 0, 10)
  const question = Buffer.concat([readName(qname === '.' ? '' : qname), Buffer.of(0, 0, 0, 1)])
  question.writeUInt16BE(type, question.length - 4)
  return Buffer.concat([head, question, ...(hasOpt ? [opt(code, ede)] : [])])
}

/** RFC 6891 §6.1.2, RFC 8914 §2. */
function opt(rcode: number, ede: number | undefined): Buffer {
  const option = ede === undefined ? Buffer.alloc(0) : Buffer.of(0, EDE, 0, 2, ede >> 8, ede & 255)
  const head = Buffer.alloc(11)
  head.writeUInt16BE(RRTYPE.OPT, 1)
  head.writeUInt16BE(EDNS_UDP_SIZE, 3)
  head.writeUInt8(rcode >> 4, 5)
  head.writeUInt16BE(option.length, 9)
  return Buffer.concat([head, option])
}

function addressOf(client: string): Uint8Array | undefined {
  try {
    const address = readAddress(client)
    return isMapped(address) ? address.subarray(12) : address
  } catch {
    return undefined
  }
}

/** Seconds in one field, nanoseconds in the next (fixed32, little-endian). */
function instant(field: number, milliseconds: number): Buffer {
  const seconds = Math.floor(milliseconds / 1000)
  const nanoseconds = Buffer.alloc(4)
  nanoseconds.writeUInt32LE(Math.floor((milliseconds - seconds * 1000) * 1000) * 1000)
  return Buffer.concat([number(field, seconds), varint(((field + 1) << 3) | 5), nanoseconds])
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)])
}

function bytes(field: number, octets: Uint8Array): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(octets.length), octets])
}

/** Seven bits per octet, least significant first. Protocol Buffers, "Base 128 Varints". */
function varint(value: number): Buffer {
  const octets: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) octets.push((rest % 0x80) | 0x80)
  return Buffer.of(...octets, rest)
}
