import type { Octets } from '../../base/units.js'
import { decodeClientSubnet, CLIENT_SUBNET } from '../../wire/dns/edns/client-subnet.js'
import { Query, QUERY_KIND } from '../../wire/dns/message/query.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { encodeError } from '../../wire/dns/reply/local-reply.js'
import { DROP } from '../context/responder.js'
import { HEADER_INVALID, HEADER_INCOMPLETE, decodeProxyHeader } from './proxy-header.js'
import type { PrefixSet } from './query-limit.js'
import type { Code } from '../../base/code.js'

export type AddressSource = Code<'address source'>

/**
 * Where the client address comes from.
 *
 * - `peer`: from the address that sent the query, unless it is a trusted proxy
 * - `proxy`: from a PROXY header in front of each datagram, or at the start of a connection
 * - `subnet`: from EDNS client subnet in each query
 */
export const ADDRESS_SOURCE = {
  peer: 0 as AddressSource,
  proxy: 1 as AddressSource,
  subnet: 2 as AddressSource
} as const

/** Room for FORMERR with its question. */
const FORMERR_LIMIT: Octets = 512

/**
 * The proxies (front ends) trusted to supply the client address. Headers and options of other peers
 * are ignored, and a proxy is trusted only for the method it is listed with: a proxy that sends a
 * PROXY header forwards its clients' queries unchanged, so an EDNS client subnet option in them is
 * the client's own claim.
 */
export class TrustedProxies {
  /** The client address that the last call read. */
  readonly client = new Uint32Array(4)
  counts = { rejected: 0 }
  private readonly query = new Query()

  constructor(
    private readonly proxy: PrefixSet | undefined,
    private readonly subnet: PrefixSet | undefined
  ) {}

  /** For the peer at `words[at]`. */
  addressSource(words: Uint32Array, at: number): AddressSource {
    if (this.proxy !== undefined && this.proxy.find(words, at) !== 0) return ADDRESS_SOURCE.proxy
    if (this.subnet !== undefined && this.subnet.find(words, at) !== 0) return ADDRESS_SOURCE.subnet
    return ADDRESS_SOURCE.peer
  }

  /**
   * Removes the PROXY header from the datagram `octets[at, end)`, moves the query to the front, and
   * sets `client`: to the address in the header, or to the peer at `words[from]` for LOCAL.
   *
   * @returns the end of the query; `at` without a valid header, or with nothing after it
   */
  readProxyHeader(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    words: Uint32Array,
    from: number
  ): Octets {
    this.setClient(words, from)
    const start = decodeProxyHeader(octets, at, end, this.client)
    if (start === HEADER_INCOMPLETE || start === HEADER_INVALID) {
      this.counts.rejected++
      return at
    }
    octets.copyWithin(at, start, end)
    return at + end - start
  }

  /**
   * Sets `client` to the address in the query's EDNS client subnet option, or, without one, to the
   * proxy itself.
   *
   * @returns false if the option is unusable: a truncated address may be in more than one network
   */
  readClientSubnet(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    words: Uint32Array,
    from: number
  ): boolean {
    this.setClient(words, from)
    if (decodeClientSubnet(octets, at, end, this.client) !== CLIENT_SUBNET.unusable) return true
    this.counts.rejected++
    return false
  }

  /** Writes FORMERR over a query without a usable client address. @returns its length, or DROP */
  writeFormErr(octets: Uint8Array, at: Octets, end: Octets): number {
    const { query } = this
    if (query.decode(octets, at, end, 0) === QUERY_KIND.unanswerable) return DROP
    return encodeError(octets, query, FORMERR_LIMIT, RCODE.FORMERR, undefined)
  }

  private setClient(words: Uint32Array, at: number): void {
    for (let i = 0; i < 4; i++) this.client[i] = words[at + i]!
  }
}
