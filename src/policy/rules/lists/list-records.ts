import { isMapped, type Address } from '../../../base/values/address.js'
import { InterdictError } from '../../../base/errors/error.js'
import { readName } from '../../../wire/dns/name/name.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import { RdataError, readRdata, type RdataTokens } from '../../../wire/zonefile/zone-rdata.js'

const MAX_RDATA = 0xffff

/** Record types that lists may have. */
const TYPES: ReadonlySet<number> = new Set([
  RRTYPE.A,
  RRTYPE.AAAA,
  RRTYPE.CNAME,
  RRTYPE.PTR,
  RRTYPE.NS,
  RRTYPE.MX,
  RRTYPE.SRV,
  RRTYPE.TXT
])

/** Whether a list may answer with records of this type. */
export function isRecordType(type: number): boolean {
  return TYPES.has(type)
}

/**
 * A record in the form that sources have: TYPE, RDLENGTH and RDATA. Undefined if the text is not
 * valid RDATA of the type.
 *
 * @param type one for which `isRecordType` is true
 */
export function readRecord(type: number, text: string): Uint8Array | undefined {
  try {
    const rdata = readRdata(type, tokensOf(type, text))
    return rdata.length > MAX_RDATA ? undefined : recordOf(type, rdata)
  } catch (error) {
    if (error instanceof RdataError) return undefined
    throw error
  }
}

/** The A or AAAA record of an address. */
export function addressRecord(address: Address): Uint8Array {
  return isMapped(address)
    ? recordOf(RRTYPE.A, address.subarray(12))
    : recordOf(RRTYPE.AAAA, address)
}

function recordOf(type: number, rdata: Uint8Array): Uint8Array {
  const { length } = rdata
  return Uint8Array.from([type >> 8, type & 255, length >> 8, length & 255, ...rdata])
}

function tokensOf(type: number, text: string): RdataTokens {
  const tokens = type === RRTYPE.TXT ? stringsOf(text) : text.trim().split(/\s+/)
  return {
    count: tokens.length,
    // Lists use it for 0.0.0.0.
    text: i => (type === RRTYPE.A && tokens[i] === '0' ? '0.0.0.0' : tokens[i]!),
    name: i => nameOf(tokens[i]!)
  }
}

/** `"one" "two"`, or the whole text as one string if nothing is quoted. */
function stringsOf(text: string): readonly string[] {
  return text.match(/"(?:[^"\\]|\\.)*"/gs)?.map(string => string.slice(1, -1)) ?? [text]
}

function nameOf(text: string): Uint8Array | undefined {
  try {
    return readName(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
