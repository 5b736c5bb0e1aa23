import packet from 'dns-packet'
import { showRcode } from '../../src/wire/dns/registry/rcode.js'

/** A reply as scenario files write it. */
export interface Shown {
  readonly rcode: string
  readonly truncated: boolean
  readonly answers: string[]
  readonly authorities: string[]
  /** INFO-CODE; -1: none. */
  readonly ede: number
}

/** RFC 8914 §2. */
const OPTION_EDE = 15

/** Decodes a reply with dns-packet, which is not what wrote it. */
export function shown(octets: Uint8Array): Shown {
  const message = packet.decode(Buffer.from(octets))
  const opt = message.additionals?.find(record => record.type === 'OPT')
  return {
    rcode: showRcode(((opt?.extendedRcode ?? 0) << 4) | (octets[3]! & 15)),
    truncated: message.flag_tc,
    answers: message.answers!.map(showRecord),
    authorities: message.authorities!.map(showRecord),
    ede: edeOf(opt)
  }
}

function edeOf(opt: packet.OptAnswer | undefined): number {
  const options = opt?.options as { code: number; data?: Buffer }[] | undefined
  const data = options?.find(option => option.code === OPTION_EDE)?.data
  return data === undefined ? -1 : data.readUInt16BE(0)
}

function showRecord(record: packet.Answer): string {
  const { name, ttl, type, data } = record as {
    name: string
    ttl?: number
    type: string
    data: unknown
  }
  return `${name === '' ? '.' : name} ${ttl ?? 0} ${type.replace('UNKNOWN_', 'TYPE')} ${showData(data)}`
}

function showData(data: unknown): string {
  if (typeof data === 'string') return data
  if (Buffer.isBuffer(data)) return data.toString('hex')
  if (Array.isArray(data)) return data.map(showData).join(' ')
  return Object.values(data as object).join(' ')
}
