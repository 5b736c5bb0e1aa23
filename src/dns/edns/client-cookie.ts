import { getUint16, setUint32 } from '../../base/octets.js'
import type { Octets } from '../../base/units.js'
import { OPTION_COOKIE } from '../message/query.js'
import { OPTION_HEADER_SIZE } from '../registry/sizes.js'
import { findOpt, findOption } from './opt.js'
import {
  CLIENT_COOKIE_SIZE,
  MAX_SERVER_COOKIE_SIZE,
  MIN_SERVER_COOKIE_SIZE
} from './server-cookie.js'

/** Where in the option the server cookie is. */
const SERVER_COOKIE_OFFSET: Octets = OPTION_HEADER_SIZE + CLIENT_COOKIE_SIZE
/** Most octets of a COOKIE option. */
export const MAX_COOKIE_OPTION_SIZE: Octets = SERVER_COOKIE_OFFSET + MAX_SERVER_COOKIE_SIZE

/**
 * What a response shows to a query with a cookie. RFC 7873 §5.3.
 *
 * `nothing`  no COOKIE option, or none that can be found
 * `wrong`    another client cookie than ours, or a length that no cookie has
 * `echo`     our client cookie, which only who saw the query knows, but no server cookie
 * `cookie`   our client cookie, and a server cookie, which is sent along from now on
 */
export const RESPONSE_COOKIE = { absent: 0, wrong: 1, clientOnly: 2, full: 3 } as const

/** The COOKIE option of our queries to one server. */
export class ClientCookie {
  /** What is sent is `option[0, length)`. */
  readonly option = new Uint8Array(MAX_COOKIE_OPTION_SIZE)
  length: Octets = SERVER_COOKIE_OFFSET

  constructor() {
    this.option[1] = OPTION_COOKIE
  }

  /**
   * Takes another client cookie, and forgets the server cookie. By chance and for this server alone,
   * so that no other one can foresee it: RFC 9018 §3, which does without the hash of addresses that
   * RFC 7873 §4.1 has, since who sends from a wildcard does not know its own.
   *
   * @param random unforeseeable words of 32 bits
   */
  renew(random: { word(): number }): void {
    setUint32(this.option, OPTION_HEADER_SIZE, random.word())
    setUint32(this.option, OPTION_HEADER_SIZE + 4, random.word())
    this.setLength(SERVER_COOKIE_OFFSET)
  }

  /** Reads what the response `octets[start, end)` shows, and takes over its server cookie. */
  acceptResponse(octets: Uint8Array, start: Octets, end: Octets): number {
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
