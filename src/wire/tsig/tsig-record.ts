import { failure } from '../../base/errors/error.js'
import { getUint16, setUint16, setUint32 } from '../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../base/units.js'
import { findNameEnd } from '../dns/name/compressed-name.js'
import { decompressName } from '../dns/name/name.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { HEADER_SIZE, RECORD_FIXED_SIZE } from '../dns/registry/sizes.js'

/** A TSIG record. RFC 8945 §4.2. */
export interface Tsig {
  /** Position of the record in the message. */
  readonly at: Octets
  /** Key name in lower-cased wire form. */
  readonly name: Uint8Array
  /** Algorithm name in lower-cased wire form. */
  readonly algorithm: Uint8Array
  /** Time signed: seconds since 1970-01-01 UTC. */
  readonly time: Seconds
  readonly fudge: Seconds
  readonly mac: Uint8Array
  readonly originalId: number
  readonly error: number
  readonly other: Uint8Array
}

/**
 * The TSIG record of a message; it must be the last record.
 *
 * @throws InterdictError WIRE_SHORT, WIRE_TSIG
 */
export function findTsig(message: Uint8Array): Tsig | undefined {
  if (message.length < HEADER_SIZE) throw failure('WIRE_SHORT', message.length)
  const counts = [4, 6, 8, 10].map(at => getUint16(message, at)) as [number, number, number, number]
  if (counts[3] === 0) return undefined
  let pos = HEADER_SIZE
  for (let i = 0; i < counts[0]; i++) pos = skipOwner(message, pos) + 4
  for (let left = counts[1] + counts[2] + counts[3]; left > 0; left--) {
    const owner = pos
    const fixed = skipOwner(message, owner)
    const end = fixed + RECORD_FIXED_SIZE + getUint16(message, fixed + 8)
    if (end > message.length) throw failure('WIRE_SHORT', message.length)
    if (getUint16(message, fixed) === RRTYPE.TSIG) {
      if (left > 1 || end !== message.length) throw failure('WIRE_TSIG', owner)
      return decodeTsig(message, owner, fixed + RECORD_FIXED_SIZE, end)
    }
    pos = end
  }
  return undefined
}

function decodeTsig(message: Uint8Array, owner: Octets, at: Octets, end: Octets): Tsig {
  const name: number[] = []
  decompressName(message, owner, name)
  const algorithm: number[] = []
  const time = decompressName(message, at, algorithm)
  const mac = time + 10
  const after = mac + getUint16(message, time + 8)
  const other = after + 6
  if (other > end || other + getUint16(message, after + 4) !== end)
    throw failure('WIRE_TSIG', owner)
  return {
    at: owner,
    name: Uint8Array.from(name),
    algorithm: Uint8Array.from(algorithm),
    time:
      getUint16(message, time) * 2 ** 32 +
      getUint16(message, time + 2) * 2 ** 16 +
      getUint16(message, time + 4),
    fudge: getUint16(message, time + 6),
    mac: Uint8Array.from(message.subarray(mac, after)),
    originalId: getUint16(message, after),
    error: getUint16(message, after + 2),
    other: Uint8Array.from(message.subarray(other, end))
  }
}

export type TsigVariables = Pick<Tsig, 'time' | 'fudge' | 'error' | 'other'>

/** Appends a TSIG record. @param name of the key */
export function appendTsig(
  message: Uint8Array,
  name: Uint8Array,
  algorithm: Uint8Array,
  variables: TsigVariables,
  mac: Uint8Array
): Uint8Array {
  const { error, other } = variables
  const rdata = Buffer.concat([
    ...[algorithm, encodeTimers(variables), encodeUint16(mac.length), mac],
    ...[message.subarray(0, 2), encodeUint16(error), encodeUint16(other.length), other]
  ])
  const fixed = new Uint8Array(RECORD_FIXED_SIZE)
  setUint16(fixed, 0, RRTYPE.TSIG)
  setUint16(fixed, 2, RRCLASS.ANY)
  setUint16(fixed, 8, rdata.length)
  const octets = Buffer.concat([message, name, fixed, rdata])
  setUint16(octets, 10, getUint16(message, 10) + 1)
  return Uint8Array.from(octets)
}

/** The message before signing: without TSIG and with its original ID. RFC 8945 §4.3.2. */
export function removeTsig(message: Uint8Array, { at, originalId }: Tsig): Uint8Array {
  const bare = Uint8Array.from(message.subarray(0, at))
  setUint16(bare, 0, originalId)
  setUint16(bare, 10, getUint16(message, 10) - 1)
  return bare
}

/** The TSIG timers: time signed and fudge. */
export function encodeTimers({ time, fudge }: TsigVariables): Uint8Array {
  return Buffer.concat([encodeTime(time), encodeUint16(fudge)])
}

/** 48 bits. */
export function encodeTime(time: Seconds): Uint8Array {
  const octets = new Uint8Array(6)
  setUint16(octets, 0, Math.floor(time / 2 ** 32))
  setUint32(octets, 2, time % 2 ** 32)
  return octets
}

export function encodeUint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}

function skipOwner(message: Uint8Array, at: Octets): Octets {
  const end = findNameEnd(message, at, message.length)
  if (end === 0 || end + 4 > message.length) throw failure('WIRE_SHORT', message.length)
  return end
}
