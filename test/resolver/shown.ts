import packet from 'dns-packet'
import { showRcode } from '../../src/wire/dns/registry/rcode.js'

/** A reply as scenario files write it. */
export interface Shown {
  readonly rcode: string
  readonly truncated: boolean
  /** AD. */
  readonly authentic: boolean
  readonly answers: string[]
  readonly authorities: string[]
  /** INFO-CODE; -1: none. */
  readonly ede: number
  /** EXTRA-TEXT of that error. */
  readonly edeText: string
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
    authentic: message.flag_ad,
    answers: message.answers!.map(showRecord),
    authorities: message.authorities!.map(showRecord),
    ...edeOf(opt)
  }
}

function edeOf(opt: packet.OptAnswer | undefined): Pick<Shown, 'ede' | 'edeText'> {
  const options = opt?.options as { code: number; data?: Buffer }[] | undefined
  const data = options?.find(option => option.code === OPTION_EDE)?.data
  if (data === undefined) return { ede: -1, edeText: '' }
  return { ede: data.readUInt16BE(0), edeText: data.toString('utf8', 2) }
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
