import type { Milliseconds, Octets } from '../../base/units.js'
import { ClientCookie, RESPONSE_COOKIE } from '../../dns/edns/client-cookie.js'
import { extendedRcode } from '../../dns/edns/opt.js'
import { RCODE } from '../../dns/registry/rcode.js'
import type { Random } from '../random.js'

/** How long an upstream that does without cookies is asked without: RFC 9018 §3 has five minutes. */
const DISABLED_FOR: Milliseconds = 300_000
/** Doubtful responses in a row after which it is the upstream that has changed. */
const MAX_MISSING = 3

/**
 * What a response to a query with a cookie is good for.
 *
 * `answer`  it is the upstream's, as far as the cookie tells
 * `doubt`   it may be somebody else's: to be asked again over TCP
 * `renew`   BADCOOKIE: it wants the query with the cookie that it gave
 * `choke`   it may not like cookies: to be asked again without
 */
export const COOKIE_CHECK = { accept: 0, retryTcp: 1, retryCookie: 2, retryPlain: 3 } as const

/**
 * DNS cookies towards one upstream (RFC 7873): whoever forges a response has 64 bits more to guess,
 * once the upstream has shown that it gives cookies back.
 *
 *     not known ─┬─ gives a cookie ───────────────────────────────► known to have cookies
 *         ▲      └─ gives none, echoes ours, chokes on it, is silent ─┐         │
 *         │                                                           │         │ gives none over TCP,
 *         └── five minutes later, with a new client cookie ─── asked without ◄──┘ or three times in a
 *                                                                                 row, or goes down
 *
 * RFC 7873 §5.3 has responses discarded that lack the cookie. They are, and what was asked is asked
 * over TCP: it may be a forgery, but also one of several servers behind an address, or one that was
 * exchanged, and those have an answer there.
 */
export class UpstreamCookies {
  /** It has given us a server cookie, and no reason to think otherwise since. */
  isSupported = false
  private readonly cookie = new ClientCookie()
  private missingInARow = 0
  private disabledUntil: Milliseconds
  /** Another client cookie is due with the next query that has one. */
  private needsRenewal = true

  /** @param random undefined: no query has a cookie */
  constructor(private readonly random: Random | undefined) {
    this.disabledUntil = random === undefined ? Infinity : -Infinity
  }

  /** What the next query takes along; undefined: none. */
  toSend(now: Milliseconds): ClientCookie | undefined {
    if (now < this.disabledUntil) return undefined
    if (this.needsRenewal && this.random !== undefined) {
      this.needsRenewal = false
      this.cookie.renew(this.random)
    }
    return this.cookie
  }

  /**
   * The response `octets[start, end)` came to a query with a cookie; all else about it is right.
   *
   * @returns one of `HEARD`
   */
  check(
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    overTcp: boolean,
    now: Milliseconds
  ): number {
    const shown = this.cookie.acceptResponse(octets, start, end)
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
    // Nobody forges this from afar: it came over TCP, or has our cookie, or there is none to miss.
    this.disable(now)
    return shown !== RESPONSE_COOKIE.clientOnly && mayRejectOption(octets, start, end)
      ? COOKIE_CHECK.retryPlain
      : COOKIE_CHECK.accept
  }

  /** No response came in time to a query with a cookie: perhaps because of that. */
  onTimeout(now: Milliseconds): void {
    if (!this.isSupported) this.disable(now)
  }

  /** The upstream is down: what comes back in its place may be another. */
  onDown(now: Milliseconds): void {
    this.disable(now)
  }

  private disable(now: Milliseconds): void {
    this.isSupported = false
    this.needsRenewal = true
    this.missingInARow = 0
    // Never earlier than before: where no query has a cookie, it stays so.
    this.disabledUntil = Math.max(this.disabledUntil, now + DISABLED_FOR)
  }

  /** Few RCODEs have these lower bits, so that OPT is hardly ever looked for. */
  private isBadCookie(octets: Uint8Array, start: Octets, end: Octets): boolean {
    const lower = octets[start + 3]! & 0x0f
    return (
      lower === (RCODE.BADCOOKIE & 0x0f) && extendedRcode(octets, start, end) === RCODE.BADCOOKIE
    )
  }
}

/** Whether an error without our cookie may be about the option, which nobody has to mind. */
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
