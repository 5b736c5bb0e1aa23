import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../base/time/clock.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { identify, type Authenticator, type Principal } from '../tokens/authenticator.js'
import { RetryLater } from '../http/problem-of.js'
import { Lockout, RateLimiter } from '../http/rate-limiter.js'
import type { Route } from './route.js'

/** What one address may send, known or not: at once, and on average. */
const ADDRESS_BURST = 200
const ADDRESS_PER_SECOND = 50
/** The same for one token, from whatever addresses. */
const PRINCIPAL_BURST = 100
const PRINCIPAL_PER_SECOND = 20
/** After so many wrong tokens within a minute an address is locked out for a minute. */
const MAX_FAILURES = 10
const LOCKED_FOR: Milliseconds = 60_000

export interface GateOptions {
  /** Tried in this order. */
  readonly authenticators: readonly Authenticator[]
  readonly clock: Clock
  readonly log: ServiceLog
}

/** Decides who may call what, and how often. */
export class Gate {
  private readonly perAddress: RateLimiter
  private readonly perPrincipal: RateLimiter
  private readonly lockout: Lockout

  constructor(private readonly options: GateOptions) {
    const now = (): Milliseconds => options.clock.now()
    this.perAddress = new RateLimiter(ADDRESS_BURST, ADDRESS_PER_SECOND, now)
    this.perPrincipal = new RateLimiter(PRINCIPAL_BURST, PRINCIPAL_PER_SECOND, now)
    const failures = new RateLimiter(MAX_FAILURES, MAX_FAILURES / 60, now)
    this.lockout = new Lockout(failures, LOCKED_FOR, now)
  }

  /**
   * Who sends a request, within the limits of the address and of the token. `checkScope` then decides whether the
   * route is allowed, once the request has the principal, so that a refusal is recorded with its name.
   *
   * @param route undefined: the route does not exist
   * @throws RetryLater, InterdictError API_TOKEN
   */
  admit(request: IncomingMessage, route: Route | undefined): Principal | undefined {
    const address = clientOf(request.socket.remoteAddress)
    const locked = this.lockout.remaining(address)
    if (locked > 0) throw new RetryLater(failure('API_LOCKED'), locked)
    take(this.perAddress, address)
    if (route === undefined) return undefined
    const principal = this.identify(request, address)
    if (principal !== undefined) take(this.perPrincipal, principal.name)
    return principal
  }

  private identify(request: IncomingMessage, address: string): Principal | undefined {
    const { authenticators, log } = this.options
    try {
      return identify(authenticators, request)
    } catch (error) {
      // Who has an expired token guesses nothing.
      const isGuess = (error as InterdictError).code === 'API_TOKEN'
      if (isGuess && this.lockout.onFailure(address)) {
        const fields = { address, seconds: LOCKED_FOR / MS_PER_SECOND }
        log.warn(fields, 'too many invalid API tokens; address locked out')
      }
      throw error
    }
  }
}

function take(limiter: RateLimiter, key: string): void {
  const wait = limiter.take(key)
  if (wait > 0) throw new RetryLater(failure('API_RATE'), wait)
}

/** Clients in one /64 are one client, which may use all of its addresses. RFC 4291 §2.5.4 */
export function clientOf(address = ''): string {
  const [, mapped] = /^::ffff:([\d.]+)$/.exec(address) ?? []
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = '', tail] = address.split('::')
  const words = head.split(':')
  // The words that `::` stands for are zero.
  return (tail === undefined ? words : [...words, '0', '0', '0', '0']).slice(0, 4).join(':')
}
