import type { Octets } from '../base/units.js'
import { CLIENT_COOKIE_SIZE, COOKIE_STATUS, type ServerCookies } from '../dns/edns/server-cookie.js'
import { OPTION_BIT, Query, QUERY_KIND } from '../dns/message/query.js'
import { RCODE } from '../dns/registry/rcode.js'
import { Verdict } from '../policy/tables/verdict.js'
import { PROTOCOL } from '../querylog/record/query-event.js'
import type { ServerIdentity } from './identity.js'

/** Most octets of a UDP reply, whatever the client offers: no fragments. RFC 9715 §3.1. */
const MAX_UDP_REPLY: Octets = 1232
/** Most octets of a message over TCP. RFC 1035 §4.2.2. */
export const MAX_TCP_MESSAGE: Octets = 65_535

/** What a stage says when the query has to go on to the next one. No reply has this length. */
export const CONTINUE = -2

/** The query at hand, from whom, and what policy says of its name. One instance, filled anew. */
export class QueryContext {
  readonly query = new Query()
  /** What it turned out to be, one of `QUERY_KIND`. */
  reading: number = QUERY_KIND.unanswerable
  /** Holds the query; its reply is written over it. */
  octets: Uint8Array = new Uint8Array(0)
  /** Most octets that the reply may have. */
  maxLength: Octets = 0
  /** One of `PROTOCOL`. */
  protocol: number = PROTOCOL.udp
  /** Four words at `clientAt`, as in `DatagramBatch.peers`. */
  client: Uint32Array = new Uint32Array(4)
  clientAt = 0
  /** In the snapshot at hand; 0: in no network. */
  clientClass = 0
  readonly verdict = new Verdict()

  /** The client has shown a cookie that we gave to its address: nobody asks in its name. */
  hasValidCookie = false

  constructor(
    private readonly identity: ServerIdentity,
    /** Undefined: cookies are not looked at. */
    private readonly cookies: ServerCookies | undefined
  ) {}

  /** Who asks what was read, once for each reading. @param clientClass 0: in no network */
  setClient(client: Uint32Array, clientAt: number, clientClass: number): void {
    this.client = client
    this.clientAt = clientAt
    this.clientClass = clientClass
    // Whose server this is, is nothing for strangers.
    if ((this.query.options & OPTION_BIT.nsid) !== 0 && clientClass !== 0) {
      this.query.addReplyOption(this.identity.nsid)
    }
  }

  /** Reads the message in `octets[at, end)`; returns one of `QUERY_KIND`. */
  read(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    room: Octets,
    protocol: number,
    seed: number
  ): number {
    this.octets = octets
    this.protocol = protocol
    const reading = this.query.decode(octets, at, end, seed)
    const offered = protocol === PROTOCOL.tcp ? MAX_TCP_MESSAGE : this.query.udpSize
    const most = protocol !== PROTOCOL.tcp && offered > MAX_UDP_REPLY ? MAX_UDP_REPLY : offered
    this.maxLength = most < room ? most : room
    this.reading = reading
    this.hasValidCookie = false
    return reading
  }

  /** What is said of the cookie to who asks for nothing else. RFC 7873 §5.4. */
  get cookieRcode(): number {
    const isWrong = this.query.cookieLength > CLIENT_COOKIE_SIZE && !this.hasValidCookie
    return isWrong ? RCODE.BADCOOKIE : RCODE.NOERROR
  }

  /**
   * Lays out what the reply's OPT answers to options of the query's, if it has such as are answered.
   *
   * @param client four words at `clientAt`
   * @returns one of `QUERY_KIND`: what the query is, in the light of its options
   */
  processOptions(client: Uint32Array, clientAt: number): number {
    const { query, cookies } = this
    if (this.reading === QUERY_KIND.formerr) return QUERY_KIND.formerr
    if ((query.options & OPTION_BIT.cookie) !== 0 && cookies !== undefined) {
      const cookie = cookies.verify(query, this.octets, client, clientAt)
      // RFC 7873 §5.2.2.
      if (cookie === COOKIE_STATUS.malformed) return QUERY_KIND.formerr
      this.hasValidCookie = cookie === COOKIE_STATUS.verified
    } else if (this.reading === QUERY_KIND.cookieOnly) {
      return QUERY_KIND.formerr
    }
    return this.reading
  }
}
