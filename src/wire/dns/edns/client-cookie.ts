import { getUint16, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { OPTION_HEADER_SIZE } from '../registry/sizes.js'
import { findOpt, findOption, OPTION_COOKIE } from './opt.js'
import {
  CLIENT_COOKIE_SIZE,
  MAX_SERVER_COOKIE_SIZE,
  MIN_SERVER_COOKIE_SIZE
} from './server-cookie.js'
import type { Code } from '../../../base/code.js'

/** Position of the server cookie in the option. */
const SERVER_COOKIE_OFFSET: Octets = OPTION_HEADER_SIZE + CLIENT_COOKIE_SIZE
/** Largest COOKIE option. */
export const MAX_COOKIE_OPTION_SIZE: Octets = SERVER_COOKIE_OFFSET + MAX_SERVER_COOKIE_SIZE

export type ResponseCookie = Code<'response cookie'>

/**
 * The cookie in the response to a query with a cookie. RFC 7873 §5.3.
 *
 * `absent`      no COOKIE option, or a malformed message
 * `wrong`       a client cookie that was not sent, or an invalid length
 * `clientOnly`  the client cookie that was sent, which only recipients of the query know, but no
 *               server cookie
 * `full`        the client cookie that was sent, and a server cookie to send from now on
 */
export const RESPONSE_COOKIE = {
  absent: 0 as ResponseCookie,
  wrong: 1 as ResponseCookie,
  clientOnly: 2 as ResponseCookie,
  full: 3 as ResponseCookie
} as const

/** The COOKIE option of queries to one server. */
export class ClientCookie {
  /** The option to send is `option[0, length)`. */
  readonly option = new Uint8Array(MAX_COOKIE_OPTION_SIZE)
  length: Octets = SERVER_COOKIE_OFFSET

  constructor() {
    this.option[1] = OPTION_COOKIE
  }

  /**
   * Chooses a new client cookie and discards the server cookie. The client cookie is random and per
   * server, so that no other server can predict it: RFC 9018 §3, without the hash of addresses of
   * RFC 7873 §4.1, because a wildcard socket does not know its own address.
   *
   * @param random unpredictable 32-bit words
   */
  renew(random: { word(): number }): void {
    setUint32(this.option, OPTION_HEADER_SIZE, random.word())
    setUint32(this.option, OPTION_HEADER_SIZE + 4, random.word())
    this.setLength(SERVER_COOKIE_OFFSET)
  }

  /**
   * Checks the cookie in the response `octets[start, end)` and stores its server cookie.
   *
   */
  acceptResponse(octets: Uint8Array, start: Octets, end: Octets): ResponseCookie {
    const opt = findOpt(octets, start, end)
    const at = opt === 0 ? 0 : findOption(octets, opt, OPTION_COOKIE)
    if (at === 0) return RESPONSE_COOKIE.absent
    const server = getUint16(octets, at + 2) - CLIENT_COOKIE_SIZE
    if (server < 0 || !this.hasClientCookie(octets, at)) return RESPONSE_COOKIE.wrong
    if (server === 0) return RESPONSE_COOKIE.clientOnly
    if (server < MIN_SERVER_COOKIE_SIZE || server > MAX_SERVER_COOKIE_SIZE)
      return RESPONSE_COOKIE.wrong
    for (let i = 0; i < server; i++)
      this.option[SERVER_COOKIE_OFFSET + i] = octets[at + SERVER_COOKIE_OFFSET + i]!
    this.setLength(SERVER_COOKIE_OFFSET + server)
    return RESPONSE_COOKIE.full
  }

  private hasClientCookie(octets: Uint8Array, at: Octets): boolean {
    let differs = 0
    for (let i = OPTION_HEADER_SIZE; i < SERVER_COOKIE_OFFSET; i++)
      differs |= octets[at + i]! ^ this.option[i]!
    return differs === 0
  }

  private setLength(length: Octets): void {
    this.length = length
    this.option[3] = length - OPTION_HEADER_SIZE
  }
}
