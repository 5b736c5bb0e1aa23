import type { Milliseconds, Octets } from '../../../base/units.js'
import { ClientCookie, RESPONSE_COOKIE } from '../../../wire/dns/edns/client-cookie.js'
import { extendedRcode } from '../../../wire/dns/edns/opt.js'
import { RCODE } from '../../../wire/dns/registry/rcode.js'
import type { Random } from '../../../base/bytes/random.js'
import type { Code } from '../../../base/code.js'

/** How long cookies stay disabled for an upstream without support: five minutes, RFC 9018 §3. */
const DISABLED_FOR: Milliseconds = 300_000
/** Responses with a wrong or missing cookie in a row after which support is taken to be gone. */
const MAX_MISSING = 3

export type CookieCheck = Code<'cookie check'>

/**
 * What to do with a response to a query with a cookie.
 *
 * `accept`       it is the upstream's, as far as the cookie tells
 * `retryTcp`     it may be spoofed: retry over TCP
 * `retryCookie`  BADCOOKIE: retry with the server cookie in it
 * `retryPlain`   the upstream may reject the option: retry without a cookie
 */
export const COOKIE_CHECK = {
  accept: 0 as CookieCheck,
  retryTcp: 1 as CookieCheck,
  retryCookie: 2 as CookieCheck,
  retryPlain: 3 as CookieCheck
} as const

/**
 * DNS cookies for one upstream (RFC 7873): once the upstream is known to return cookies, an off-path
 * attacker has to guess 64 more bits.
 *
 *     unknown ─┬─ returns a server cookie ──────────────────────► supported
 *        ▲     └─ none, an echo, an error, or a timeout ─┐            │
 *        │                                               ▼            │ none over TCP, or three times
 *        └── after five minutes, with a new cookie ── disabled ◄──────┘ in a row, or upstream down
 *
 * RFC 7873 §5.3 requires that responses without the cookie are discarded. They are, and the query is
 * retried over TCP: the response may be spoofed, but it may also come from one of several servers
 * behind the address, or from a replaced one, and those answer over TCP.
 */
export class UpstreamCookies {
  /** The upstream has returned a server cookie, and nothing has contradicted that since. */
  isSupported = false
  private readonly cookie = new ClientCookie()
  private missingInARow = 0
  private disabledUntil: Milliseconds
  /** The next query with a cookie gets a new client cookie. */
  private needsRenewal = true

  /** @param random undefined: cookies are disabled */
  constructor(private random: Random | undefined) {
    this.disabledUntil = random === undefined ? Infinity : -Infinity
  }

  /** Enables or disables cookies; see the constructor. */
  configure(random: Random | undefined): void {
    if ((random === undefined) === (this.random === undefined)) return
    this.random = random
    this.isSupported = false
    this.needsRenewal = true
    this.missingInARow = 0
    this.disabledUntil = random === undefined ? Infinity : -Infinity
  }

  /** The cookie for the next query; undefined: none. */
  toSend(now: Milliseconds): ClientCookie | undefined {
    if (now < this.disabledUntil) return undefined
    if (this.needsRenewal && this.random !== undefined) {
      this.needsRenewal = false
      this.cookie.renew(this.random)
    }
    return this.cookie
  }

  /**
   * Checks the response `octets[start, end)` to a query with a cookie. Everything else in it matches.
   */
  check(
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    overTcp: boolean,
    now: Milliseconds
  ): CookieCheck {
    const shown = this.cookie.acceptResponse(octets, start, end)
    if (shown === RESPONSE_COOKIE.full && this.random === undefined) return COOKIE_CHECK.accept
    if (shown === RESPONSE_COOKIE.full) {
      this.isSupported = true
      this.needsRenewal = false
      this.missingInARow = 0
      this.disabledUntil = -Infinity
      return this.isBadCookie(octets, start, end) ? COOKIE_CHECK.retryCookie : COOKIE_CHECK.accept
    }
    if (
      !overTcp &&
      (shown === RESPONSE_COOKIE.wrong || (this.isSupported && shown === RESPONSE_COOKIE.absent))
    ) {
      if (++this.missingInARow >= MAX_MISSING) this.disable(now)
      return COOKIE_CHECK.retryTcp
    }
    // Not spoofed off-path: it came over TCP, or repeats the client cookie, or support is unknown.
    this.disable(now)
    return shown !== RESPONSE_COOKIE.clientOnly && mayRejectOption(octets, start, end)
      ? COOKIE_CHECK.retryPlain
      : COOKIE_CHECK.accept
  }

  /** A query with a cookie timed out: perhaps the upstream drops queries with cookies. */
  onTimeout(now: Milliseconds): void {
    if (!this.isSupported) this.disable(now)
  }

  /** The upstream is down: another server may come up in its place. */
  onDown(now: Milliseconds): void {
    this.disable(now)
  }

  private disable(now: Milliseconds): void {
    this.isSupported = false
    this.needsRenewal = true
    this.missingInARow = 0
    // Never earlier than before: Infinity, disabled by the settings, has to stay.
    this.disabledUntil = Math.max(this.disabledUntil, now + DISABLED_FOR)
  }

  /** Few RCODEs share the lower four bits, so OPT is rarely parsed. */
  private isBadCookie(octets: Uint8Array, start: Octets, end: Octets): boolean {
    const lower = octets[start + 3]! & 0x0f
    return (
      lower === (RCODE.BADCOOKIE & 0x0f) && extendedRcode(octets, start, end) === RCODE.BADCOOKIE
    )
  }
}

/** Whether an error response without the cookie may be about the option itself. */
function mayRejectOption(octets: Uint8Array, start: Octets, end: Octets): boolean {
  switch (extendedRcode(octets, start, end)) {
    case RCODE.FORMERR:
    case RCODE.NOTIMP:
    case RCODE.BADVERS:
    case RCODE.BADCOOKIE:
      return true
    default:
      return false
  }
}
