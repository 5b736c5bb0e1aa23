import { epochSeconds, type Clock } from '../../base/clock.js'
import { getUint32, setUint32 } from '../../base/octets.js'
import type { Octets, Seconds } from '../../base/units.js'
import { OPTION_COOKIE, type Query } from '../message/query.js'
import { sipHash } from '../name/siphash.js'

/** Of a client cookie. RFC 7873 §4.1. */
export const CLIENT_COOKIE: Octets = 8
/** Of a server cookie as others may make it. RFC 7873 §4.2. */
export const SHORTEST: Octets = 8
export const LONGEST: Octets = 32
/** Version, reserved, timestamp and hash: a server cookie as we make it. RFC 9018 §4. */
const SERVER: Octets = 16
const VERSION = 1
/** Where in the data of the option the timestamp and the hash are. */
const TIMESTAMP: Octets = CLIENT_COOKIE + 4
const HASH: Octets = CLIENT_COOKIE + 8
const HASH_OCTETS: Octets = 8

/** A cookie is good for so long, and for so long before it was made: clocks differ. RFC 9018 §4.3. */
const PAST: Seconds = 3600
const FUTURE: Seconds = 300
/** Age from which on a good one is replaced all the same. RFC 9018 §4.3. */
const REPLACED: Seconds = 1800

/**
 * What a query's COOKIE option is. RFC 7873 §5.2.
 *
 * `malformed`  of a length that no cookie has
 * `unproven`   no server cookie, or one that is not ours, too old, or for another address
 * `proven`     a server cookie that we gave to this address: who asks is really there
 */
export const COOKIE = { malformed: 0, unproven: 1, proven: 2 } as const

/**
 * Cookies that we give to clients, so that those who bring them back can be told from those who
 * invent an address; as all servers make them that are to work behind one address (RFC 9018).
 */
export class ServerCookies {
  /** The option as it goes into the reply. */
  private readonly option = new Uint8Array(4 + CLIENT_COOKIE + SERVER)
  /** What is hashed: client cookie, version, reserved, timestamp, address. */
  private readonly hashed = new Uint8Array(CLIENT_COOKIE + 8 + 16)
  private readonly hash = new Uint8Array(HASH_OCTETS)

  /** @param secrets SIP_KEY octets each: the first one makes cookies, all of them are good */
  constructor(
    private readonly clock: Clock,
    private secrets: readonly Uint8Array[]
  ) {
    this.option.set([0, OPTION_COOKIE, 0, CLIENT_COOKIE + SERVER])
  }

  adopt(secrets: readonly Uint8Array[]): void {
    this.secrets = secrets
  }

  /**
   * Judges the cookie that `query` says it has, and lays out what the reply returns: its own, as
   * long as that is good and not old, else a new one.
   *
   * @param octets hold the query
   * @param client four words at `clientAt`, as in `DatagramBatch.peers`
   * @returns one of `COOKIE`
   */
  answer(query: Query, octets: Uint8Array, client: Uint32Array, clientAt: number): number {
    const { cookieAt: at, cookieLength: length } = query
    const server = length - CLIENT_COOKIE
    if (server !== 0 && (server < SHORTEST || server > LONGEST)) return COOKIE.malformed
    const now = epochSeconds(this.clock)
    const age = server === SERVER ? (now - getUint32(octets, at + TIMESTAMP)) | 0 : Infinity
    // Serial numbers: the difference is right whatever the century. RFC 1982.
    const timely = age <= PAST && age >= -FUTURE && octets[at + CLIENT_COOKIE] === VERSION
    const by = timely ? this.madeBy(octets, at, client, clientAt) : -1
    if (by === 0 && age <= REPLACED) this.repeat(octets, at)
    else this.make(octets, at, now, client, clientAt)
    query.giveBack(this.option)
    return by === -1 ? COOKIE.unproven : COOKIE.proven
  }

  /** Which of the secrets made the server cookie at `at`; -1: none. */
  private madeBy(octets: Uint8Array, at: Octets, client: Uint32Array, clientAt: number): number {
    const { hashed, hash, secrets } = this
    for (let i = 0; i < HASH; i++) hashed[i] = octets[at + i]!
    const length = this.putAddress(client, clientAt)
    for (let which = 0; which < secrets.length; which++) {
      sipHash(secrets[which]!, hashed, length, hash, 0)
      let differs = 0
      // All octets in any case: how long it takes says nothing of how many are right.
      for (let i = 0; i < HASH_OCTETS; i++) differs |= hash[i]! ^ octets[at + HASH + i]!
      if (differs === 0) return which
    }
    return -1
  }

  private repeat(octets: Uint8Array, at: Octets): void {
    for (let i = 0; i < CLIENT_COOKIE + SERVER; i++) this.option[4 + i] = octets[at + i]!
  }

  private make(
    octets: Uint8Array,
    at: Octets,
    now: Seconds,
    client: Uint32Array,
    clientAt: number
  ): void {
    const { hashed, option, secrets } = this
    for (let i = 0; i < CLIENT_COOKIE; i++) hashed[i] = octets[at + i]!
    hashed[CLIENT_COOKIE] = VERSION
    hashed[CLIENT_COOKIE + 1] = 0
    hashed[CLIENT_COOKIE + 2] = 0
    hashed[CLIENT_COOKIE + 3] = 0
    setUint32(hashed, TIMESTAMP, now)
    for (let i = 0; i < HASH; i++) option[4 + i] = hashed[i]!
    sipHash(secrets[0]!, hashed, this.putAddress(client, clientAt), option, 4 + HASH)
  }

  /** Puts the client's address behind the rest, four octets of an IPv4 one; returns the end. */
  private putAddress(client: Uint32Array, at: number): Octets {
    const { hashed } = this
    const isIpv4 = client[at] === 0 && client[at + 1] === 0 && client[at + 2] === 0xffff
    let end = HASH
    for (let i = isIpv4 ? 3 : 0; i < 4; i++) {
      setUint32(hashed, end, client[at + i]!)
      end += 4
    }
    return end
  }
}
