import { isMapped, type Address } from '../base/address.js'
import { InterdictError } from '../base/error.js'
import { RRTYPE } from '../dns/rrtype.js'
import { readName } from '../wire/name.js'
import { readListAddress } from './nowhere.js'

const MAX_STRING = 255
const MAX_WORD = 0xffff

/** RDATA of the types that lists give names, from their texts; undefined: it is none of the type. */
const RDATA: ReadonlyMap<number, (text: string) => Uint8Array | undefined> = new Map([
  [RRTYPE.A, text => addressOf(text, true)],
  [RRTYPE.AAAA, text => addressOf(text, false)],
  [RRTYPE.CNAME, nameOf],
  [RRTYPE.PTR, nameOf],
  [RRTYPE.NS, nameOf],
  [RRTYPE.MX, text => numbersAndName(text, 1)],
  [RRTYPE.SRV, text => numbersAndName(text, 3)],
  [RRTYPE.TXT, stringsOf]
])

/** Whether records of a type can be given to names of a list. */
export function isRecordType(type: number): boolean {
  return RDATA.has(type)
}

/**
 * A record as sources have it: TYPE, RDLENGTH and RDATA. Undefined where the text is none of its
 * type.
 *
 * @param type one of which `isRecordType` says yes
 */
export function readRecord(type: number, text: string): Uint8Array | undefined {
  const rdata = RDATA.get(type)?.(text)
  if (rdata === undefined || rdata.length > MAX_WORD) return undefined
  return recordOf(type, rdata)
}

/** The record that says an address: A or AAAA. */
export function addressRecord(address: Address): Uint8Array {
  return isMapped(address)
    ? recordOf(RRTYPE.A, address.subarray(12))
    : recordOf(RRTYPE.AAAA, address)
}

function recordOf(type: number, rdata: Uint8Array): Uint8Array {
  const { length } = rdata
  return Uint8Array.from([type >> 8, type & 255, length >> 8, length & 255, ...rdata])
}

function addressOf(text: string, ipv4: boolean): Uint8Array | undefined {
  const address = readListAddress(text)
  if (address === undefined || isMapped(address) !== ipv4) return undefined
  return ipv4 ? address.slice(12) : address
}

function nameOf(text: string): Uint8Array | undefined {
  try {
    return readName(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}

/** `10 mail.example`: so many numbers of 16 bits, and a name. */
function numbersAndName(text: string, count: number): Uint8Array | undefined {
  const words = text.trim().split(/\s+/)
  const name = words.length === count + 1 ? nameOf(words[count]!) : undefined
  const numbers = words.slice(0, count).map(word => (/^\d{1,5}$/.test(word) ? Number(word) : NaN))
  if (name === undefined || !numbers.every(number => number <= MAX_WORD)) return undefined
  return Uint8Array.from([...numbers.flatMap(number => [number >> 8, number & 255]), ...name])
}

/** `"one" "two"`, or the whole text as one string where nothing is quoted. */
function stringsOf(text: string): Uint8Array | undefined {
  const quoted = text.match(/"(?:[^"\\]|\\.)*"/gs)
  const strings = quoted?.map(string => string.slice(1, -1).replaceAll(/\\(.)/gs, '$1')) ?? [text]
  const octets = strings.map(string => Buffer.from(string))
  if (octets.some(({ length }) => length > MAX_STRING)) return undefined
  return Buffer.concat(octets.flatMap(string => [Buffer.of(string.length), string]))
}
