import { epochSeconds, type Clock } from '../../../base/time/clock.js'
import { getUint32, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { OPTION_COOKIE } from './opt.js'
import { sipHash } from './siphash.js'
import type { Code } from '../../../base/code.js'

/** Size of a client cookie. RFC 7873 §4.1. */
export const CLIENT_COOKIE_SIZE: Octets = 8
/** Limits for server cookies of any server. RFC 7873 §4.2. */
export const MIN_SERVER_COOKIE_SIZE: Octets = 8
export const MAX_SERVER_COOKIE_SIZE: Octets = 32
/** Version, reserved, timestamp and hash: the server cookies made here. RFC 9018 §4. */
const SERVER_COOKIE_SIZE: Octets = 16
const VERSION = 1
/** Positions of timestamp and hash in the option data. */
const TIMESTAMP_OFFSET: Octets = CLIENT_COOKIE_SIZE + 4
const HASH_OFFSET: Octets = CLIENT_COOKIE_SIZE + 8
const HASH_SIZE: Octets = 8

/** A server cookie is valid up to this age, and this long before its timestamp. RFC 9018 §4.3. */
const MAX_AGE: Seconds = 3600
const MAX_CLOCK_SKEW: Seconds = 300
/** Age above which a valid server cookie is renewed. RFC 9018 §4.3. */
const RENEWAL_AGE: Seconds = 1800

export type CookieStatus = Code<'cookie status'>

/**
 * Result of checking a query's COOKIE option. RFC 7873 §5.2.
 *
 * `malformed`   invalid length
 * `unverified`  no server cookie, or one that is foreign, expired, or made for another address
 * `verified`    a valid server cookie for this address: the source address is not spoofed
 */
export const COOKIE_STATUS = {
  malformed: 0 as CookieStatus,
  unverified: 1 as CookieStatus,
  verified: 2 as CookieStatus
} as const

/** What of a query its cookie needs. */
export interface QueryWithCookie {
  /** Where the COOKIE option's data is in the message. */
  readonly cookieAt: Octets
  readonly cookieLength: Octets
  addReplyOption(option: Uint8Array): void
}

/**
 * Server cookies for clients: a client that returns one has proven that its address is not spoofed.
 * In the interoperable format for several servers behind one address (RFC 9018).
 */
export class ServerCookies {
  /** The option for the reply. */
  private readonly option = new Uint8Array(4 + CLIENT_COOKIE_SIZE + SERVER_COOKIE_SIZE)
  /** Input of the hash: client cookie, version, reserved, timestamp, address. */
  private readonly hashInput = new Uint8Array(CLIENT_COOKIE_SIZE + 8 + 16)
  private readonly hash = new Uint8Array(HASH_SIZE)

  /** @param secrets SIPHASH_KEY_SIZE octets each: the first one makes cookies, all verify them */
  constructor(
    private readonly clock: Clock,
    private secrets: readonly Uint8Array[]
  ) {
    this.option.set([0, OPTION_COOKIE, 0, CLIENT_COOKIE_SIZE + SERVER_COOKIE_SIZE])
  }

  setSecrets(secrets: readonly Uint8Array[]): void {
    this.secrets = secrets
  }

  /**
   * Verifies the cookie of `query` and adds the reply's COOKIE option: the client's own cookie while
   * that is valid and recent, otherwise a new one.
   *
   * @param octets contains the query
   * @param client the client's address: four words at `clientAt`, as in `DatagramBatch.peers`
   */
  verify(
    query: QueryWithCookie,
    octets: Uint8Array,
    client: Uint32Array,
    clientAt: number
  ): CookieStatus {
    const { cookieAt: at, cookieLength: length } = query
    const server = length - CLIENT_COOKIE_SIZE
    if (server !== 0 && (server < MIN_SERVER_COOKIE_SIZE || server > MAX_SERVER_COOKIE_SIZE))
      return COOKIE_STATUS.malformed
    const now = epochSeconds(this.clock)
    const age =
      server === SERVER_COOKIE_SIZE
        ? (now - getUint32(octets, at + TIMESTAMP_OFFSET)) | 0
        : Infinity
    // Serial number arithmetic: correct across the wrap-around. RFC 1982.
    const timely =
      age <= MAX_AGE && age >= -MAX_CLOCK_SKEW && octets[at + CLIENT_COOKIE_SIZE] === VERSION
    const by = timely ? this.findSecret(octets, at, client, clientAt) : -1
    if (by === 0 && age <= RENEWAL_AGE) this.copyToOption(octets, at)
    else this.makeOption(octets, at, now, client, clientAt)
    query.addReplyOption(this.option)
    return by === -1 ? COOKIE_STATUS.unverified : COOKIE_STATUS.verified
  }

  /** Index of the secret that made the server cookie at `at`; -1: none. */
  private findSecret(
    octets: Uint8Array,
    at: Octets,
    client: Uint32Array,
    clientAt: number
  ): number {
    const { hashInput: hashed, hash, secrets } = this
    for (let i = 0; i < HASH_OFFSET; i++) hashed[i] = octets[at + i]!
    const length = this.addAddress(client, clientAt)
    for (let which = 0; which < secrets.length; which++) {
      sipHash(secrets[which]!, hashed, length, hash, 0)
      let differs = 0
      // Compares all octets in constant time.
      for (let i = 0; i < HASH_SIZE; i++) differs |= hash[i]! ^ octets[at + HASH_OFFSET + i]!
      if (differs === 0) return which
    }
    return -1
  }

  private copyToOption(octets: Uint8Array, at: Octets): void {
    for (let i = 0; i < CLIENT_COOKIE_SIZE + SERVER_COOKIE_SIZE; i++)
      this.option[4 + i] = octets[at + i]!
  }

  private makeOption(
    octets: Uint8Array,
    at: Octets,
    now: Seconds,
    client: Uint32Array,
    clientAt: number
  ): void {
    const { hashInput: hashed, option, secrets } = this
    for (let i = 0; i < CLIENT_COOKIE_SIZE; i++) hashed[i] = octets[at + i]!
    hashed[CLIENT_COOKIE_SIZE] = VERSION
    hashed[CLIENT_COOKIE_SIZE + 1] = 0
    hashed[CLIENT_COOKIE_SIZE + 2] = 0
    hashed[CLIENT_COOKIE_SIZE + 3] = 0
    setUint32(hashed, TIMESTAMP_OFFSET, now)
    for (let i = 0; i < HASH_OFFSET; i++) option[4 + i] = hashed[i]!
    sipHash(secrets[0]!, hashed, this.addAddress(client, clientAt), option, 4 + HASH_OFFSET)
  }

  /** Appends the client's address to the hash input, IPv4 as four octets; returns the end. */
  private addAddress(client: Uint32Array, at: number): Octets {
    const { hashInput: hashed } = this
    const isIpv4 = client[at] === 0 && client[at + 1] === 0 && client[at + 2] === 0xffff
    let end = HASH_OFFSET
    for (let i = isIpv4 ? 3 : 0; i < 4; i++) {
      setUint32(hashed, end, client[at + i]!)
      end += 4
    }
    return end
  }
}
