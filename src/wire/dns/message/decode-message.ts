/**
 * Decodes whole messages into text: for display, as in `interdict explain`, for the probe, which judges the
 * gateway's own replies by RCODE, types and addresses, and for the addresses of list servers. No reply to a
 * client is based on these texts.
 *
 * Header, structure and names are decoded here. dns-packet only decodes RDATA, one record at a time
 * in a message built for it: a record that it cannot decode is shown in the generic form of RFC
 * 3597, and its defects (names as lossy text without escapes, dots in labels, milliseconds for
 * counts of 65,535, one malformed record failing the whole message) have no effect.
 */
import dnsPacket from 'dns-packet'
import { failure } from '../../../base/errors/error.js'
import { getUint16, getUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { OPTION_EDE } from '../edns/ede-option.js'
import { decodeName, showCanonical } from '../name/name.js'
import { showKnownRdata, showOpaque, showText } from '../records/rdata-text.js'
import { EDE } from '../registry/ede.js'
import { OPCODE } from '../registry/opcode.js'
import { showRcode } from '../registry/rcode.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE, showRrtype } from '../registry/rrtype.js'
import { HEADER_SIZE } from '../registry/sizes.js'

export const SECTIONS = ['answer', 'authority', 'additional'] as const
export type Section = (typeof SECTIONS)[number]

/** One record; `name` is canonical text, `data` in zone file format. */
export interface DecodedRecord {
  readonly section: Section
  readonly name: string
  readonly ttl: Seconds
  readonly rrclass: string
  readonly type: string
  readonly data: string
}

export interface DecodedMessage {
  readonly id: number
  readonly opcode: string
  /** The extended RCODE if there is an OPT. RFC 6891 §6.1.3. */
  readonly rcode: string
  /** The flags that are set, of `qr`, `aa`, `tc`, `rd`, `ra`, `ad`, `cd`. */
  readonly flags: readonly string[]
  readonly questions: readonly { name: string; type: string; rrclass: string }[]
  /** All records except OPT. */
  readonly records: readonly DecodedRecord[]
  readonly edns: DecodedEdns | undefined
}

export interface DecodedEdns {
  readonly version: number
  readonly size: Octets
  readonly dnssecOk: boolean
  /** Extended errors (RFC 8914) and all other options, one text each. */
  readonly options: readonly string[]
}

const FLAGS = [
  ['qr', 0x8000],
  ['aa', 0x0400],
  ['tc', 0x0200],
  ['rd', 0x0100],
  ['ra', 0x0080],
  ['ad', 0x0020],
  ['cd', 0x0010]
] as const

const CLASS_NAMES = namesOf(RRCLASS)
const OPCODE_NAMES = namesOf(OPCODE)
const EDE_NAMES = namesOf(EDE)

/**
 * Decodes a whole message, query or response.
 *
 * @throws InterdictError WIRE_SHORT, WIRE_OPT, WIRE_RDATA and as `decodeName`
 */
export function decodeMessage(message: Uint8Array): DecodedMessage {
  if (message.length < HEADER_SIZE) throw failure('WIRE_SHORT', message.length)
  const bits = getUint16(message, 2)
  const opcode = (bits >> 11) & 0x0f
  const { questions, end } = decodeQuestions(message)
  const found = decodeRecords(message, end)
  return {
    id: getUint16(message, 0),
    opcode: OPCODE_NAMES.get(opcode) ?? `OPCODE${opcode}`,
    rcode: showRcode((bits & 0x0f) | (found.rcodeBits << 4)),
    flags: FLAGS.filter(([, bit]) => (bits & bit) !== 0).map(([flag]) => flag),
    questions,
    records: found.records,
    edns: found.edns
  }
}

/**
 * The message as lines in the style of dig.
 *
 * @throws InterdictError as `decodeMessage`
 */
export function showMessage(message: Uint8Array): string[] {
  const { id, opcode, rcode, flags, questions, records, edns } = decodeMessage(message)
  const lines = [`;; opcode: ${opcode}, status: ${rcode}, id: ${id}, flags: ${flags.join(' ')}`]
  if (edns !== undefined) {
    const { version, size, dnssecOk, options } = edns
    lines.push(`;; EDNS: version ${version}, size ${size}${dnssecOk ? ', DO' : ''}`)
    for (const option of options) lines.push(`;; ${option}`)
  }
  if (questions.length > 0) lines.push(';; QUESTION')
  for (const { name, type, rrclass } of questions) {
    lines.push(`;${showCanonical(name)} ${rrclass} ${type}`)
  }
  for (const section of SECTIONS) {
    const own = records.filter(record => record.section === section)
    if (own.length > 0) lines.push(`;; ${section.toUpperCase()}`)
    for (const { name, ttl, rrclass, type, data } of own) {
      lines.push(`${showCanonical(name)} ${ttl} ${rrclass} ${type} ${data}`)
    }
  }
  return lines
}

function decodeQuestions(message: Uint8Array): {
  questions: DecodedMessage['questions']
  end: Octets
} {
  const questions: DecodedMessage['questions'][number][] = []
  let pos: Octets = HEADER_SIZE
  for (let left = getUint16(message, 4); left > 0; left--) {
    const { name, end } = decodeName(message, pos)
    pos = end + 4
    if (pos > message.length) throw failure('WIRE_SHORT', message.length)
    const type = showRrtype(getUint16(message, end))
    questions.push({ name, type, rrclass: showClass(getUint16(message, end + 2)) })
  }
  return { questions, end: pos }
}

function decodeRecords(message: Uint8Array, start: Octets) {
  const records: DecodedRecord[] = []
  let edns: DecodedEdns | undefined
  let rcodeBits = 0
  let pos = start
  for (const [i, section] of SECTIONS.entries()) {
    for (let left = getUint16(message, 6 + 2 * i); left > 0; left--) {
      const { name, end: at } = decodeName(message, pos)
      const data = at + 10
      const end = data + getUint16(message, at + 8)
      if (data > message.length || end > message.length) throw failure('WIRE_SHORT', message.length)
      const type = getUint16(message, at)
      if (type === RRTYPE.OPT) {
        if (edns !== undefined) throw failure('WIRE_OPT', pos)
        rcodeBits = message[at + 4]!
        edns = decodeEdns(message, at, end)
      } else {
        const rrclass = showClass(getUint16(message, at + 2))
        const shown = showRdata(message, type, data, end)
        const ttl = getUint32(message, at + 4)
        records.push({ section, name, ttl, rrclass, type: showRrtype(type), data: shown })
      }
      pos = end
    }
  }
  return { records, edns, rcodeBits }
}

/** RFC 6891 §6.1.2. */
function decodeEdns(message: Uint8Array, at: Octets, end: Octets): DecodedEdns {
  const options: string[] = []
  for (let pos = at + 10; pos < end;) {
    const value = pos + 4
    const next = value + (value > end ? 0 : getUint16(message, pos + 2))
    if (value > end || next > end) throw failure('WIRE_RDATA', 'OPT', pos)
    options.push(showOption(getUint16(message, pos), message.subarray(value, next)))
    pos = next
  }
  return {
    version: message[at + 5]!,
    size: getUint16(message, at + 2),
    dnssecOk: (message[at + 6]! & 0x80) !== 0,
    options
  }
}

/** RFC 8914 §2 for extended errors; their text is UTF-8, control characters are removed. */
function showOption(code: number, value: Uint8Array): string {
  if (code !== OPTION_EDE || value.length < 2) return `option ${code}: ${showOpaque(value)}`
  const info = getUint16(value, 0)
  const name = EDE_NAMES.get(info)
  const text = Buffer.from(value.subarray(2)).toString('utf8').replace(/\p{C}/gu, '')
  return `EDE ${info}${name === undefined ? '' : ` ${name}`}${text === '' ? '' : `: ${text}`}`
}

function showRdata(message: Uint8Array, type: number, at: Octets, end: Octets): string {
  const octets = message.subarray(at, end)
  return (
    showKnownRdata(message, type, at, end) ?? showPlainRdata(type, octets) ?? showOpaque(octets)
  )
}

/**
 * RDATA without compressed names, as decoded by dns-packet; undefined if it fails or does not consume
 * exactly the RDATA.
 */
function showPlainRdata(type: number, rdata: Uint8Array): string | undefined {
  const alone = Buffer.alloc(HEADER_SIZE + 11 + rdata.length)
  alone.writeUInt16BE(0x8000, 2)
  alone.writeUInt16BE(1, 6)
  alone.writeUInt16BE(type, HEADER_SIZE + 1)
  alone.writeUInt16BE(RRCLASS.IN, HEADER_SIZE + 3)
  alone.writeUInt16BE(rdata.length, HEADER_SIZE + 9)
  alone.set(rdata, HEADER_SIZE + 11)
  try {
    const [record] = dnsPacket.decode(alone).answers ?? []
    if (record === undefined || dnsPacket.decode.bytes !== alone.length) return undefined
    return showDecoded(record, rdata)
  } catch {
    return undefined // the octets are shown instead
  }
}

/** The common types; all others are shown as octets. */
function showDecoded(record: dnsPacket.Answer, rdata: Uint8Array): string | undefined {
  if (record.type === 'TXT') {
    const texts = Array.isArray(record.data) ? record.data : [record.data]
    return texts.map(text => showText(Buffer.from(text as Buffer))).join(' ')
  }
  if (record.type === 'CAA') {
    const { flags, tag } = record.data
    if (!/^[a-z0-9]+$/i.test(tag)) return undefined // RFC 8659 §4.1
    return `${flags ?? 0} ${tag} ${showText(rdata.subarray(2 + tag.length))}`
  }
  if (record.type === 'DS') {
    const { keyTag, algorithm, digestType, digest } = record.data
    return `${keyTag} ${algorithm} ${digestType} ${digest.toString('hex')}`
  }
  if (record.type === 'DNSKEY') {
    const { flags, algorithm, key } = record.data
    return `${flags} 3 ${algorithm} ${key.toString('base64')}`
  }
  if (record.type === 'TLSA') {
    const { usage, selector, matchingType, certificate } = record.data
    return `${usage} ${selector} ${matchingType} ${certificate.toString('hex')}`
  }
  if (record.type === 'RRSIG') {
    const { algorithm, labels, originalTTL, expiration, inception, keyTag } = record.data
    const numbers = [algorithm, labels, originalTTL, expiration, inception, keyTag].join(' ')
    const signer = showCanonical(decodeName(rdata, 18).name)
    const signature = record.data.signature.toString('base64')
    return `${showRrtype(getUint16(rdata, 0))} ${numbers} ${signer} ${signature}`
  }
  if (record.type === 'NSEC') {
    return `${showCanonical(decodeName(rdata, 0).name)} ${showTypes(record.data.rrtypes)}`
  }
  return undefined
}

/** dns-packet names unknown types UNKNOWN_n. */
function showTypes(types: readonly string[]): string {
  return types
    .map(type => type.replace(/^UNKNOWN_(\d+)$/, (_, n) => showRrtype(Number(n))))
    .join(' ')
}

function showClass(code: number): string {
  return CLASS_NAMES.get(code) ?? `CLASS${code}`
}

function namesOf(codes: Readonly<Record<string, number>>): Map<number, string> {
  return new Map(Object.entries(codes).map(([name, code]) => [code, name]))
}
