import type { IncomingMessage } from 'node:http'
import { failure, type InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { Scope } from './scopes.js'

/** Who sends a request: the bearer of a token, or a person who has logged in. */
export interface Principal {
  /** For the service log: the name of a token, or of a person. Never a secret. */
  readonly name: string
  readonly scopes: ReadonlySet<Scope>
  /** Wall-clock time when the session of a person ends at the latest; undefined: a token. */
  readonly sessionEnd?: Milliseconds
  /** Whether it has neither expired nor been revoked: for responses that last. */
  isValid(): boolean
}

/** One way to say who one is. */
export interface Authenticator {
  /**
   * @returns undefined: the request has no credentials of this kind; an error: they are wrong
   */
  authenticate(request: IncomingMessage): Principal | InterdictError | undefined
}

/**
 * Finds out who sends a request, by the first authenticator that knows.
 *
 * @throws InterdictError API_TOKEN and others of the authenticators
 */
export function identify(
  authenticators: readonly Authenticator[],
  request: IncomingMessage
): Principal | undefined {
  for (const authenticator of authenticators) {
    const found = authenticator.authenticate(request)
    if (found instanceof Error) throw found
    if (found !== undefined) return found
  }
  return undefined
}

/** @throws InterdictError API_LOGIN, API_SCOPE */
export function checkScope(principal: Principal | undefined, scope: Scope | 'any' | null): void {
  if (scope === null) return
  if (principal === undefined) throw failure('API_LOGIN')
  if (scope !== 'any' && !principal.scopes.has(scope)) throw failure('API_SCOPE', scope)
}
