import type { Octets } from '../base/units.js'
import { decodeClientSubnet, CLIENT_SUBNET } from '../dns/edns/client-subnet.js'
import { Query, QUERY_KIND } from '../dns/message/query.js'
import { RCODE } from '../dns/registry/rcode.js'
import { encodeError } from '../dns/reply/local-reply.js'
import { DROP } from '../resolver/responder.js'
import { HEADER_INVALID, HEADER_INCOMPLETE, decodeProxyHeader } from './proxy-header.js'
import type { PrefixSet } from './query-limit.js'

/**
 * How a peer says who its client is.
 *
 * `address`  by the address that it sends from: everybody but listed front ends
 * `proxy`    by a PROXY header before each datagram, or before all else on a connection
 * `subnet`   by edns-client-subnet in each query
 */
export const CLIENT_ADDRESS = { peer: 0, proxy: 1, subnet: 2 } as const

/** Room for FORMERR with its question. */
const PLAIN_UDP: Octets = 512

/**
 * The peers whose word on the client's address is taken. What anybody else says of itself is never
 * looked at, and of a front end only what it is listed for: a PROXY front end hands on its clients'
 * octets, so that an option in them is the client's own word.
 */
export class TrustedProxies {
  /** Who asks, by what the front end said last. */
  readonly client = new Uint32Array(4)
  readonly counts = { rejected: 0 }
  private readonly query = new Query()

  constructor(
    private readonly proxy: PrefixSet | undefined,
    private readonly subnet: PrefixSet | undefined
  ) {}

  /** One of `SAYS`. */
  addressSource(words: Uint32Array, at: number): number {
    if (this.proxy !== undefined && this.proxy.find(words, at) !== 0) return CLIENT_ADDRESS.proxy
    if (this.subnet !== undefined && this.subnet.find(words, at) !== 0) return CLIENT_ADDRESS.subnet
    return CLIENT_ADDRESS.peer
  }

  /**
   * Takes the header off the datagram `octets[at, end)`, moving the query to its place, and sets
   * `client`, which is the peer at `words[from]` where the header says so.
   *
   * @returns the query's end; `at` if there is no header, or nothing behind it
   */
  readProxyHeader(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    words: Uint32Array,
    from: number
  ): Octets {
    this.startFrom(words, from)
    const start = decodeProxyHeader(octets, at, end, this.client)
    if (start === HEADER_INCOMPLETE || start === HEADER_INVALID) {
      this.counts.rejected++
      return at
    }
    octets.copyWithin(at, start, end)
    return at + end - start
  }

  /**
   * Sets `client` to what the query's option says, or, without one, to the front end itself.
   *
   * @returns whether that is clear; a part of an address is not: it would fit more than one network
   */
  readClientSubnet(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    words: Uint32Array,
    from: number
  ): boolean {
    this.startFrom(words, from)
    if (decodeClientSubnet(octets, at, end, this.client) !== CLIENT_SUBNET.unusable) return true
    this.counts.rejected++
    return false
  }

  /** FORMERR over a query that does not say clearly who asks: its length, or DROP. */
  writeFormErr(octets: Uint8Array, at: Octets, end: Octets): number {
    const { query } = this
    if (query.decode(octets, at, end, 0) === QUERY_KIND.unanswerable) return DROP
    return encodeError(octets, query, PLAIN_UDP, RCODE.FORMERR, undefined)
  }

  private startFrom(words: Uint32Array, at: number): void {
    for (let i = 0; i < 4; i++) this.client[i] = words[at + i]!
  }
}
