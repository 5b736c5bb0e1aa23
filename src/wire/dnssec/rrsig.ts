import { failure } from '../../base/errors/error.js'
import { getUint16, getUint32 } from '../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../base/units.js'
import { decompressName } from '../dns/name/name.js'

/** Fields before the signer's name. RFC 4034 §3.1. */
const SIGNER_AT: Octets = 18

/** A signature over an RRset. RFC 4034 §3. */
export interface Rrsig {
  readonly typeCovered: number
  readonly algorithm: number
  /** Of the owner name, or of the wildcard that it was expanded from. */
  readonly labels: number
  readonly originalTtl: Seconds
  readonly expiration: number
  readonly inception: number
  readonly keyTag: number
  /** The zone, in lower-cased wire form. */
  readonly signer: Uint8Array
  /** All fields before the signature, the signer in lower case: what is signed before the records. */
  readonly prefix: Uint8Array
  readonly signature: Uint8Array
}

/** @throws InterdictError WIRE_RDATA and as `decompressName` */
export function decodeRrsig(rdata: Uint8Array): Rrsig {
  if (rdata.length <= SIGNER_AT) throw failure('WIRE_RDATA', 'RRSIG', 0)
  const signer: number[] = []
  const end = decompressName(rdata, SIGNER_AT, signer)
  if (end - SIGNER_AT !== signer.length || end >= rdata.length)
    throw failure('WIRE_RDATA', 'RRSIG', 0)
  return {
    typeCovered: getUint16(rdata, 0),
    algorithm: rdata[2]!,
    labels: rdata[3]!,
    originalTtl: getUint32(rdata, 4),
    expiration: getUint32(rdata, 8),
    inception: getUint32(rdata, 12),
    keyTag: getUint16(rdata, 16),
    signer: new Uint8Array(signer),
    prefix: Buffer.concat([rdata.subarray(0, SIGNER_AT), new Uint8Array(signer)]),
    signature: rdata.slice(end)
  }
}

export type SignaturePeriod = 'valid' | 'expired' | 'not yet valid' | 'inverted'

/** Whether a signature is valid at `now`: its times are serial numbers of 32 bits. RFC 4034 §3.1.5. */
export function periodOf({ inception, expiration }: Rrsig, now: Seconds): SignaturePeriod {
  if (isBefore(expiration, inception)) return 'inverted'
  if (isBefore(now, inception)) return 'not yet valid'
  return isBefore(expiration, now) ? 'expired' : 'valid'
}

/** Whether `a` is before `b`, which holds for half of all values. RFC 1982. */
function isBefore(a: Seconds, b: Seconds): boolean {
  return ((a - b) | 0) < 0
}

/** Seconds until a signature expires, at most 2^31. */
export function secondsLeft({ expiration }: Rrsig, now: Seconds): Seconds {
  return Math.max(0, (expiration - now) | 0)
}

/** `20260131T120000Z`-like text without punctuation would be hard to read: `2026-01-31 12:00:00 UTC`. */
export function showSignatureTime(time: number, now: Seconds): string {
  const nearest = now + ((time - now) | 0)
  return `${new Date(nearest * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
