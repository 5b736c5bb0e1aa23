import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../base/time/clock.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { OidcConfig } from '../../gateway/config/oidc-config.js'
import type { Authenticator, Principal } from '../tokens/authenticator.js'
import type { Cookies } from './cookies.js'
import type { Person } from './person.js'

const SESSION = 'interdict'
/** Random octets of a session id: nobody guesses 256 bits. */
const ID_SIZE = 32
/** The session that was not used for longest ends when there are more. */
const MAX_SESSIONS = 1_000
/** Of one person, so that nobody ends the sessions of others. */
const MAX_OF_PERSON = 10
/** Sent by the dashboard with every change. Pages of other origins cannot: CORS is not enabled. */
const CSRF_HEADER = 'x-interdict-request'

interface Session {
  readonly person: Person
  readonly principal: Principal
  /** Monotonic. */
  readonly endsAt: Milliseconds
  idleAt: Milliseconds
}

/**
 * Sessions of people who have logged in, and authentication by their cookie. In memory: a restart ends all. Only
 * hashes of session ids are stored, by which they are looked up, so that the time of a lookup tells nothing.
 */
export class SessionStore implements Authenticator {
  /** By hash of the id. The session that was not used for longest is first. */
  private readonly sessions = new Map<string, Session>()

  constructor(
    private readonly config: Pick<OidcConfig, 'origin' | 'session' | 'idle'>,
    private readonly cookies: Cookies,
    private readonly clock: Clock
  ) {}

  /** @returns the header `Set-Cookie` */
  create(person: Person): string {
    const { sessions, clock, config, cookies } = this
    const id = randomBytes(ID_SIZE).toString('base64url')
    const hash = hashOf(id)
    const now = clock.now()
    const principal = {
      // Tokens have no colon in their names, so that nobody takes a person for a token.
      name: `user:${person.name}`,
      scopes: new Set(person.scopes),
      sessionEnd: clock.wall() + config.session,
      isValid: () => this.current(hash) !== undefined
    }
    const own = [...sessions].filter(([, other]) => other.person.subject === person.subject)
    if (own.length >= MAX_OF_PERSON) sessions.delete(own[0]![0])
    else if (sessions.size >= MAX_SESSIONS) sessions.delete(sessions.keys().next().value!)
    const session = { person, principal, endsAt: now + config.session, idleAt: now + config.idle }
    sessions.set(hash, session)
    return cookies.write(SESSION, id, config.session)
  }

  /** @returns the person whose session it was, and the header `Set-Cookie` */
  end(request: IncomingMessage): { readonly person: Person | undefined; readonly cookie: string } {
    const hash = this.hashIn(request)
    const person = this.current(hash)?.person
    this.sessions.delete(hash)
    return { person, cookie: this.cookies.write(SESSION, '', 0) }
  }

  /** A cookie of a session that has ended is none: the person logs in again. */
  authenticate(request: IncomingMessage): Principal | InterdictError | undefined {
    const hash = this.hashIn(request)
    const session = this.current(hash)
    if (session === undefined) return undefined
    if (!this.isOwnPage(request)) return failure('API_CSRF', CSRF_HEADER)
    session.idleAt = this.clock.now() + this.config.idle
    this.sessions.delete(hash)
    this.sessions.set(hash, session)
    return session.principal
  }

  private hashIn(request: IncomingMessage): string {
    return hashOf(this.cookies.read(request, SESSION) ?? '')
  }

  private current(hash: string): Session | undefined {
    const session = this.sessions.get(hash)
    const now = this.clock.now()
    if (session === undefined || (now < session.endsAt && now < session.idleAt)) return session
    this.sessions.delete(hash)
    return undefined
  }

  /**
   * Whether the dashboard sends the request, or it changes nothing: browsers send the cookie with requests of any
   * page. Fetch Metadata §2.4, OWASP Cross-Site Request Forgery Prevention Cheat Sheet.
   */
  private isOwnPage({ method, headers }: IncomingMessage): boolean {
    if (method === 'GET' || method === 'HEAD') return true
    const { origin, 'sec-fetch-site': site } = headers
    const isNamed = origin !== undefined || site !== undefined
    const isOwn =
      (origin ?? this.config.origin) === this.config.origin &&
      (site ?? 'same-origin') === 'same-origin'
    return isNamed && isOwn && headers[CSRF_HEADER] !== undefined
  }
}

const hashOf = (id: string): string => createHash('sha256').update(id).digest('base64')
