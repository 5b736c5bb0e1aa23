import { readAddress } from '../../src/base/values/address.js'
import { readSvcParams } from '../../src/wire/zonefile/service-params.js'
import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import { RRCLASS } from '../../src/wire/dns/registry/rrclass.js'
import { readRrtype } from '../../src/wire/dns/registry/rrtype.js'
import { readHex } from './hex.js'
import type { EdnsText, QueryText } from './scenario.js'

/*
 * From the texts of scenario files to octets. Written for these tests, and not with the code that
 * is tested: names keep their letter case, and nothing is compressed.
 */

const FLAGS = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x80,
  Z: 0x40,
  AD: 0x20,
  CD: 0x10
}
export type Flag = keyof typeof FLAGS
export const FLAG_NAMES = Object.keys(FLAGS) as Flag[]

export function flagBits(text: string): number {
  return text
    .split(' ')
    .filter(flag => flag !== '')
    .reduce((bits, flag) => bits | FLAGS[flag as Flag], 0)
}

export function flagText(bits: number): string {
  return FLAG_NAMES.filter(flag => (bits & FLAGS[flag]) !== 0).join(' ')
}

export const words = (...values: number[]): Buffer =>
  Buffer.from(values.flatMap(value => [value >> 8, value & 0xff]))

const long = (value: number): Buffer => words(value >>> 16, value & 0xffff)

/** A name with the escapes of RFC 1035 §5.1 in wire form, its letters as they are. */
export function nameOctets(text: string): Buffer {
  const labels: number[][] = [[]]
  const bare = text.replace(/(?<!\\)\.$/, '')
  for (const [, decimal, escaped, plain] of bare.matchAll(/\\(\d{3})|\\([^])|([^])/g)) {
    if (plain === '.') labels.push([])
    else labels.at(-1)!.push(decimal === undefined ? (escaped ?? plain)!.charCodeAt(0) : +decimal)
  }
  const spelt = bare === '' ? [] : labels
  return Buffer.from([...spelt.flatMap(label => [label.length, ...label]), 0])
}

/** `IN`, or `CLASS3` in the form of RFC 3597 §5. */
export function classCode(text: string): number {
  return codeIn(RRCLASS, text) ?? Number(text.replace('CLASS', ''))
}

function codeIn(codes: Readonly<Record<string, number>>, text: string): number | undefined {
  return codes[text]
}

export function typeCode(text: string): number {
  const code = readRrtype(text)
  if (code === undefined) throw new Error(`no such type: ${text}`)
  return code
}

export function rcodeOf(text: string): number {
  return codeIn(RCODE, text) ?? Number(text.replace('RCODE', ''))
}

/** An OPT record. RFC 6891 §6.1.2 */
export function optOctets({ version, size, do: dnssecOk, options }: EdnsText, rcode = 0): Buffer {
  const rdata = Buffer.concat(
    Object.entries(options).map(([code, data]) =>
      Buffer.concat([words(Number(code), data.length), data])
    )
  )
  const ttl = Buffer.from([rcode >> 4, version, dnssecOk ? 0x80 : 0, 0])
  return Buffer.concat([Buffer.from([0]), words(41, size), ttl, words(rdata.length), rdata])
}

const PLAIN_EDNS: EdnsText = { version: 0, size: 1232, do: false, options: {} }

export function ednsOf(edns: boolean | EdnsText): EdnsText | undefined {
  if (edns === true) return PLAIN_EDNS
  return edns === false ? undefined : edns
}

/** The query as it goes over the wire. */
export function queryOctets(query: QueryText): Buffer {
  if (query.octets !== undefined) return query.octets
  if (query.name === undefined) throw new Error('a query has a name or octets')
  const edns = ednsOf(query.edns)
  const bits = flagBits(query.flags) | (query.opcode << 11)
  return Buffer.concat([
    words(0xabcd, bits, 1, 0, 0, edns === undefined ? 0 : 1),
    nameOctets(query.name),
    words(typeCode(query.type), classCode(query.class)),
    edns === undefined ? Buffer.of() : optOctets(edns),
    query.trailing ?? Buffer.of()
  ])
}

/** One record as scenario files write it: `www.example 300 A 192.0.2.1`, class IN unless named. */
export function recordOctets(text: string): Buffer {
  const [, owner, ttl, rrclass = 'IN', type, data] =
    /^(\S+) (\d+) (?:([A-Z]{2,4}|CLASS\d+) (?=[A-Z]))?([A-Z]+\d*)(?: (.*))?$/.exec(text) ?? []
  if (type === undefined) throw new Error(`no record: ${text}`)
  const rdata = rdataOctets(type, data ?? '')
  return Buffer.concat([
    nameOctets(owner!),
    words(typeCode(type), classCode(rrclass)),
    long(Number(ttl)),
    words(rdata.length),
    rdata
  ])
}

function rdataOctets(type: string, text: string): Buffer {
  const opaque = /^\\# \d+ ?(.*)$/.exec(text)
  if (opaque !== null) return readHex(opaque[1]!)
  const parts = text.split(' ')
  switch (type) {
    case 'A':
      return Buffer.from(readAddress(text).subarray(12))
    case 'AAAA':
      return Buffer.from(readAddress(text))
    case 'CNAME':
    case 'DNAME':
    case 'NS':
    case 'PTR':
      return nameOctets(text)
    case 'MX':
      return Buffer.concat([words(Number(parts[0])), nameOctets(parts[1]!)])
    case 'SRV':
      return Buffer.concat([words(...parts.slice(0, 3).map(Number)), nameOctets(parts[3]!)])
    case 'SOA':
      return Buffer.concat([
        ...parts.slice(0, 2).map(nameOctets),
        ...parts.slice(2).map(number => long(Number(number)))
      ])
    case 'TXT':
      return Buffer.concat([...text.matchAll(/"([^"]*)"/g)].map(([, one]) => characterString(one!)))
    case 'HTTPS':
    case 'SVCB':
      return serviceBinding(parts)
    default:
      throw new Error(`${type} has to be written as in RFC 3597 §5`)
  }
}

function characterString(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')])
}

/** Priority, TargetName, and SvcParams. RFC 9460 §2.2. */
function serviceBinding([priority, target, ...params]: string[]): Buffer {
  const octets = readSvcParams(params)
  if (octets === undefined) throw new Error(`no SvcParams: ${params.join(' ')}`)
  return Buffer.concat([words(Number(priority)), nameOctets(target!), octets])
}
