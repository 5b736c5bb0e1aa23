import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../base/time/clock.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { OidcConfig } from '../../gateway/config/oidc-config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { ChangeLog } from '../audit/change-log.js'
import { RetryLater } from '../http/problem-of.js'
import { RateLimiter } from '../http/rate-limiter.js'
import { PREFIX } from '../http/api-prefix.js'
import { Cookies } from './cookies.js'
import { personOf } from './person.js'
import { Provider, ProviderError, type LoginChecks } from './provider.js'
import { Sealer } from './sealed.js'
import { SessionStore } from './sessions.js'

export const CALLBACK = '/login/callback'
const LOGIN = 'interdict-login'
/** How long a person may take at the provider. */
const LOGIN_TIME: Milliseconds = 10 * 60_000
/** Logins that are remembered, so that none is finished twice. Codes are good for one use anyway: RFC 6749 §4.1.2 */
const MAX_USED = 10_000
/** Failed logins that are logged at once, and each second: anyone can start one. */
const LOGGED_BURST = 20
const LOGGED_PER_SECOND = 1

/** Sends a browser elsewhere. */
export interface Redirect {
  readonly location: string
  /** Headers `Set-Cookie`. */
  readonly cookies: readonly string[]
}

export interface LoginOptions {
  /** Where a browser goes after the login. Default: what it may do, as JSON. */
  readonly home?: string
  /** The audit trail. */
  readonly changes?: Pick<ChangeLog, 'record'>
}

/** A login that has begun: kept by the browser, encrypted. */
interface PendingLogin extends LoginChecks {
  /** Monotonic. */
  readonly expiresAt: Milliseconds
  /** Of the dashboard, where the browser goes afterwards. */
  readonly page: string | undefined
}

/** Login of people by an OpenID Connect provider: authorization code flow with PKCE. */
export class Login {
  readonly sessions: SessionStore
  private readonly provider: Provider
  private readonly cookies: Cookies
  private readonly sealer = new Sealer()
  /** States of logins that were finished. */
  private readonly used = new Set<string>()
  private readonly logged: RateLimiter

  constructor(
    private readonly config: OidcConfig,
    private readonly clock: Clock,
    private readonly log: ServiceLog,
    private readonly options: LoginOptions = {}
  ) {
    this.cookies = new Cookies(config.origin)
    this.sessions = new SessionStore(config, this.cookies, clock)
    this.provider = new Provider(config, config.origin + PREFIX + CALLBACK, clock)
    this.logged = new RateLimiter(LOGGED_BURST, LOGGED_PER_SECOND, () => clock.now())
  }

  /**
   * Sends the browser to the provider.
   *
   * @param page of the dashboard, shown after the login: a path with query of this origin, already validated
   * @throws InterdictError OIDC_UNAVAILABLE, in a RetryLater
   */
  begin(request: IncomingMessage, page?: string): Promise<Redirect> {
    return this.orSayWhy(request, page, () => this.ask(request, page))
  }

  private async ask(request: IncomingMessage, page: string | undefined): Promise<Redirect> {
    const [state, nonce, verifier] = [randomText(), randomText(), randomText()]
    const location = await this.attempt(request, () =>
      this.provider.authorizationUrl({ state, nonce, verifier })
    )
    const expiresAt = this.clock.now() + LOGIN_TIME
    const pending: PendingLogin = { state, nonce, verifier, expiresAt, page }
    return {
      location,
      cookies: [this.cookies.write(LOGIN, this.sealer.seal(pending), LOGIN_TIME)]
    }
  }

  /**
   * Receives the browser from the provider, and creates the session.
   *
   * @param state of the URL
   * @throws InterdictError OIDC_STATE, OIDC_REFUSED, OIDC_INVALID, OIDC_ROLE, OIDC_UNAVAILABLE
   */
  finish(request: IncomingMessage, state: string): Promise<Redirect> {
    const pending = this.pendingIn(request)
    return this.orSayWhy(request, pending?.page, () => this.receive(request, state, pending))
  }

  private async receive(
    request: IncomingMessage,
    state: string,
    pending: PendingLogin | undefined
  ): Promise<Redirect> {
    if (pending === undefined || !isEqual(pending.state, state) || this.used.has(state))
      throw failure('OIDC_STATE')
    this.use(state)
    const query = request.url!.slice(request.url!.indexOf('?'))
    const claims = await this.attempt(request, () => this.provider.exchange(query, pending))
    const person = personOf(claims, this.config)
    const fields = { ...person, address: addressOf(request) }
    const isRefused = person.scopes.length === 0
    this.options.changes?.record({
      ...{ by: `user:${person.name}`, operation: 'login', subject: fields.address },
      code: isRefused ? 'OIDC_ROLE' : null
    })
    if (isRefused) {
      this.log.warn(fields, 'login refused: none of the roles of admin.oidc.roles')
      throw failure('OIDC_ROLE', person.name)
    }
    this.log.info(fields, 'logged in')
    const cookies = [this.sessions.create(person), this.cookies.write(LOGIN, '', 0)]
    const { home } = this.options
    return { location: home === undefined ? `${PREFIX}/me` : (pending.page ?? home), cookies }
  }

  /** Ends the session. */
  logout(request: IncomingMessage): { readonly provider: string | null; readonly cookie: string } {
    const { person, cookie } = this.sessions.end(request)
    if (person !== undefined) {
      const { name, subject, scopes } = person
      this.log.info({ name, subject, scopes, address: addressOf(request) }, 'logged out')
    }
    return { provider: this.provider.logoutUrl ?? null, cookie }
  }

  /** If a step of a login fails in a browser, the dashboard says why; programs get the error itself. */
  private async orSayWhy(
    { headers }: IncomingMessage,
    page: string | undefined,
    step: () => Promise<Redirect>
  ): Promise<Redirect> {
    try {
      return await step()
    } catch (error) {
      const { home } = this.options
      const reason = error instanceof RetryLater ? error.reason : error
      const isPage = headers.accept?.includes('text/html') === true
      if (home === undefined || !isPage || !(reason instanceof InterdictError)) throw error
      const shown = page ?? home
      const separator = shown.includes('?') ? '&' : '?'
      return { location: `${shown}${separator}login=${reason.code}`, cookies: [] }
    }
  }

  private pendingIn(request: IncomingMessage): PendingLogin | undefined {
    const pending = this.sealer.open(this.cookies.read(request, LOGIN) ?? '')
    const login = pending as PendingLogin | undefined
    return login !== undefined && this.clock.now() < login.expiresAt ? login : undefined
  }

  private use(state: string): void {
    const { used } = this
    used.add(state)
    if (used.size > MAX_USED) used.delete(used.values().next().value!)
  }

  /** Logs why the provider cannot be used, which the client does not see. */
  private async attempt<T>(request: IncomingMessage, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error
      if (this.logged.take('') === 0) {
        const { issuer } = this.config
        const fields = { issuer, address: addressOf(request), error: error.message }
        this.log.warn(fields, 'login failed')
      }
      throw error.sent
    }
  }
}

/** RFC 7636 §4.1: 43 characters, from 256 random bits. */
const randomText = (): string => randomBytes(32).toString('base64url')

const addressOf = ({ socket }: IncomingMessage): string => socket.remoteAddress ?? ''

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
