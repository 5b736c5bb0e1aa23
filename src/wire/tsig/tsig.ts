import { createHmac, timingSafeEqual } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import { setUint16 } from '../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../base/units.js'
import { readName } from '../dns/name/name.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import {
  appendTsig,
  encodeTime,
  encodeTimers,
  encodeUint16,
  findTsig,
  removeTsig,
  type Tsig,
  type TsigVariables
} from './tsig-record.js'
import type { Code } from '../../base/code.js'

/*
 * Transaction signatures: RFC 8945. Two servers that share a secret can verify the origin and the
 * integrity of each other's messages.
 */

/** Supported algorithms. RFC 8945 §6. */
export type TsigAlgorithm = 'hmac-sha256' | 'hmac-sha512'

/** A key shared by two servers. Plain data, so that it can be sent to other threads. */
export interface TsigKey {
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly algorithm: TsigAlgorithm
  readonly secret: Uint8Array
}

export type TsigError = Code<'TSIG error'>

/** Values of the error field of a TSIG record. RFC 8945 §3. */
export const TSIG_ERROR = {
  none: 0 as TsigError,
  BADSIG: 16 as TsigError,
  BADKEY: 17 as TsigError,
  BADTIME: 18 as TsigError,
  BADTRUNC: 22 as TsigError
} as const

const DIGEST = { 'hmac-sha256': 'sha256', 'hmac-sha512': 'sha512' } as const
const ALGORITHM_NAME = {
  'hmac-sha256': readName('hmac-sha256'),
  'hmac-sha512': readName('hmac-sha512')
}

/** Permitted clock difference between the two servers. RFC 8945 §10. */
const FUDGE: Seconds = 300
/** Minimum length of a truncated MAC. RFC 8945 §5.2.2.1. */
const MIN_MAC: Octets = 10
/** Most consecutive unsigned messages of a response. RFC 8945 §5.3.1. */
const MAX_UNSIGNED = 99

type Hmac = ReturnType<typeof createHmac>

/** A signed message, and its MAC, on which the next signature of the exchange depends. */
export interface SignedMessage {
  readonly octets: Uint8Array
  readonly mac: Uint8Array
}

/**
 * Signs a request, or a response of one message.
 *
 * @param requestMac MAC of the request that the message answers; undefined if it is a request
 * @param error BADTIME also includes the local time
 */
export function signMessage(
  message: Uint8Array,
  key: TsigKey,
  now: Seconds,
  requestMac?: Uint8Array,
  error: TsigError = TSIG_ERROR.none
): SignedMessage {
  const other = error === TSIG_ERROR.BADTIME ? encodeTime(now) : new Uint8Array(0)
  const variables = { time: now, fudge: FUDGE, error, other }
  const hmac = startHmac(key, requestMac)
  hmac.update(message)
  hmac.update(encodeVariables(key, variables))
  const mac = Uint8Array.from(hmac.digest())
  return {
    octets: appendTsig(message, key.name, ALGORITHM_NAME[key.algorithm], variables, mac),
    mac
  }
}

/** Appends an unsigned TSIG with BADKEY or BADSIG, which cannot be signed. RFC 8945 §5.2. */
export function encodeTsigError(
  message: Uint8Array,
  { name, algorithm, time }: Tsig,
  error: TsigError
) {
  const variables = { time, fudge: FUDGE, error, other: new Uint8Array(0) }
  return appendTsig(message, name, algorithm, variables, new Uint8Array(0))
}

/**
 * Verifies a signed request. RFC 8945 §5.2.
 *
 * @throws InterdictError WIRE_TSIG if the length of the MAC is not permitted
 */
export function verifyRequest(
  message: Uint8Array,
  tsig: Tsig,
  key: TsigKey | undefined,
  now: Seconds
): TsigError {
  if (key === undefined || !matchesKey(tsig, key)) return TSIG_ERROR.BADKEY
  const hmac = startHmac(key, undefined)
  hmac.update(removeTsig(message, tsig))
  hmac.update(encodeVariables(key, tsig))
  const mac = hmac.digest()
  const { length } = tsig.mac
  // RFC 8945 §5.2.2.1
  if (length > mac.length || length < Math.max(MIN_MAC, mac.length / 2)) {
    throw failure('WIRE_TSIG', tsig.at)
  }
  if (!isSameMac(mac.subarray(0, length), tsig.mac)) return TSIG_ERROR.BADSIG
  // No truncation is accepted, however long the rest. RFC 8945 §5.2.4.
  if (length < mac.length) return TSIG_ERROR.BADTRUNC
  return Math.abs(now - tsig.time) > tsig.fudge ? TSIG_ERROR.BADTIME : TSIG_ERROR.none
}

/** Verifies the messages of the response to a signed request, in order. */
export class TsigVerifier {
  private hmac: Hmac
  private isFirst = true
  private unsigned = 0

  constructor(
    private readonly key: TsigKey,
    requestMac: Uint8Array
  ) {
    this.hmac = startHmac(key, requestMac)
  }

  /** Whether all messages so far are covered by a signature. */
  get isComplete(): boolean {
    return !this.isFirst && this.unsigned === 0
  }

  /** @returns why the message must be rejected; undefined: accepted */
  verify(message: Uint8Array, now: Seconds): string | undefined {
    const tsig = findTsig(message)
    if (tsig === undefined) return this.acceptUnsigned(message)
    if (!matchesKey(tsig, this.key)) {
      const { error } = tsig
      return error === 0 ? 'signed with another key' : `primary returned ${errorName(error)}`
    }
    if (tsig.mac.length === 0) return `primary returned ${errorName(tsig.error)}`
    const { hmac, key } = this
    hmac.update(removeTsig(message, tsig))
    hmac.update(this.isFirst ? encodeVariables(key, tsig) : encodeTimers(tsig))
    const mac = Uint8Array.from(hmac.digest())
    if (!isSameMac(mac, tsig.mac)) return 'invalid signature (BADSIG)'
    if (tsig.error !== 0) return `primary returned ${errorName(tsig.error)}`
    const ago = now - tsig.time
    if (Math.abs(ago) > tsig.fudge) return `signed ${ago} s ago: clocks differ (BADTIME)`
    this.hmac = startHmac(key, mac)
    this.isFirst = false
    this.unsigned = 0
    return undefined
  }

  /** Accepts an unsigned message, which the next signature covers. RFC 8945 §5.3.1. */
  private acceptUnsigned(message: Uint8Array): string | undefined {
    if (this.isFirst) return 'not signed'
    if (++this.unsigned > MAX_UNSIGNED) return `more than ${MAX_UNSIGNED} unsigned messages`
    this.hmac.update(message)
    return undefined
  }
}

function startHmac({ algorithm, secret }: TsigKey, prior: Uint8Array | undefined): Hmac {
  const hmac = createHmac(DIGEST[algorithm], secret)
  if (prior !== undefined) hmac.update(encodeUint16(prior.length)).update(prior)
  return hmac
}

/** The TSIG variables that are part of the MAC input. RFC 8945 §4.3.3. */
function encodeVariables({ name, algorithm }: TsigKey, variables: TsigVariables): Uint8Array {
  const { error, other } = variables
  const head = new Uint8Array(6)
  setUint16(head, 0, RRCLASS.ANY)
  return Buffer.concat([
    ...[name, head, ALGORITHM_NAME[algorithm], encodeTimers(variables)],
    ...[encodeUint16(error), encodeUint16(other.length), other]
  ])
}

function matchesKey({ name, algorithm }: Tsig, key: TsigKey): boolean {
  return (
    Buffer.compare(name, key.name) === 0 &&
    Buffer.compare(algorithm, ALGORITHM_NAME[key.algorithm]) === 0
  )
}

/** Compares MACs in constant time. */
function isSameMac(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function errorName(error: number): string {
  const known = Object.entries(TSIG_ERROR).find(([, code]) => code === error && code !== 0)
  return known?.[0] ?? `TSIG error ${error}`
}
