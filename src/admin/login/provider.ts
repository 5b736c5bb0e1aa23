import type { ClientAuth, Configuration } from 'openid-client'
import type { Clock } from '../../base/time/clock.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { OidcConfig } from '../../gateway/config/oidc-config.js'
import { RetryLater } from '../http/problem-of.js'
import { claimAt, type Claims } from './person.js'
import { providerFetch, ProviderUnreachable } from './provider-fetch.js'
import { readCa, readClientSecret } from '../../gateway/config/provider-files.js'

/** How long the provider's metadata is used before it is read again. */
const METADATA_TTL: Milliseconds = 10 * 60_000
/** After an error, logins fail at once for so long: people who retry do not load the provider. */
const PAUSE: Milliseconds = 5_000
const TRIES = 2
/** Difference between the provider's clock and ours. */
const CLOCK_TOLERANCE: Seconds = 30

/** What a login must bring back from the provider. */
export interface LoginChecks {
  /** Ties the response to the browser. RFC 6749 §10.12 */
  readonly state: string
  /** Ties the ID token to the login. OpenID Connect Core 1.0 §3.1.2.1 */
  readonly nonce: string
  /** Ties the code to the login: RFC 7636, with S256. */
  readonly verifier: string
}

/** The provider could not be used, or sent something invalid: for the log. */
export class ProviderError extends Error {
  /** @param sent what the client gets */
  constructor(
    message: string,
    readonly sent: InterdictError | RetryLater
  ) {
    super(message)
  }
}

/**
 * An OpenID Connect provider, by `openid-client`, which is loaded with the first login. Everything about it comes from
 * its metadata: OpenID Connect Discovery 1.0.
 */
export class Provider {
  private configuration: Promise<Configuration> | undefined
  private expiresAt: Milliseconds = 0
  private endSession: string | undefined
  private readonly fetch: ReturnType<typeof providerFetch>

  /** @param redirectUri where the provider sends browsers back to */
  constructor(
    private readonly config: OidcConfig,
    private readonly redirectUri: string,
    private readonly clock: Clock
  ) {
    this.fetch = providerFetch(() => readCa(config), config.proxy)
  }

  /** Where the login starts. @throws ProviderError */
  async authorizationUrl({ state, nonce, verifier }: LoginChecks): Promise<string> {
    const client = await import('openid-client')
    const scopes = new Set(['openid', ...this.config.requestedScopes])
    const configuration = await this.discovered()
    const parameters = {
      redirect_uri: this.redirectUri,
      response_type: 'code',
      scope: [...scopes].join(' '),
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256'
    }
    try {
      return client.buildAuthorizationUrl(configuration, parameters).href
    } catch (error) {
      // Its metadata has no address for it.
      throw this.errorOf(error, failure('OIDC_INVALID'))
    }
  }

  /**
   * Exchanges the code for an ID token, and checks it: signature, issuer, audience, expiry, nonce.
   *
   * @param query of the URL that the browser was sent back to
   * @returns its claims; the claims of the UserInfo endpoint too if the name or the roles are missing
   * @throws ProviderError
   */
  async exchange(query: string, checks: LoginChecks): Promise<Claims> {
    const client = await import('openid-client')
    const configuration = await this.discovered()
    try {
      const tokens = await client.authorizationCodeGrant(
        configuration,
        new URL(this.redirectUri + query),
        {
          expectedState: checks.state,
          expectedNonce: checks.nonce,
          pkceCodeVerifier: checks.verifier,
          idTokenExpected: true
        }
      )
      const claims: Claims = tokens.claims()!
      const { nameClaim, rolesClaim } = this.config
      const isComplete = [nameClaim, rolesClaim].every(name => claimAt(claims, name) !== undefined)
      const { userinfo_endpoint: endpoint } = configuration.serverMetadata()
      if (isComplete || endpoint === undefined) return claims
      const { access_token: token } = tokens
      const info = await client.fetchUserInfo(configuration, token, claims.sub as string)
      return { ...info, ...claims }
    } catch (error) {
      if (error instanceof client.AuthorizationResponseError)
        throw new ProviderError(reasonOf(error), failure('OIDC_REFUSED'))
      throw this.errorOf(error, failure('OIDC_INVALID'))
    }
  }

  /** Where a person ends the session at the provider; undefined: unknown. OpenID Connect RP-Initiated Logout 1.0 §2 */
  get logoutUrl(): string | undefined {
    if (this.endSession === undefined) return undefined
    const url = new URL(this.endSession)
    url.searchParams.set('client_id', this.config.clientId)
    return url.href
  }

  private discovered(): Promise<Configuration> {
    const now = this.clock.now()
    if (this.configuration !== undefined && now < this.expiresAt) return this.configuration
    this.expiresAt = now + METADATA_TTL
    this.configuration = this.discover()
    this.configuration.catch(() => (this.expiresAt = this.clock.now() + PAUSE))
    return this.configuration
  }

  /** @throws ProviderError */
  private async discover(): Promise<Configuration> {
    const client = await import('openid-client')
    const { issuer, clientId, timeout } = this.config
    const isPlain = issuer.startsWith('http:')
    for (let tries = 1; ; tries++) {
      try {
        const configuration = await client.discovery(
          new URL(issuer),
          clientId,
          { [client.clockTolerance]: CLOCK_TOLERANCE },
          this.authentication(client),
          {
            [client.customFetch]: this.fetch,
            timeout: timeout / MS_PER_SECOND,
            execute: [
              client.enableNonRepudiationChecks,
              // eslint-disable-next-line @typescript-eslint/no-deprecated -- to loopback only
              ...(isPlain ? [client.allowInsecureRequests] : [])
            ]
          }
        )
        this.endSession = configuration.serverMetadata().end_session_endpoint
        return configuration
      } catch (error) {
        const sent = new RetryLater(failure('OIDC_UNAVAILABLE'), PAUSE)
        if (tries >= TRIES) throw this.errorOf(error, sent)
      }
    }
  }

  /** The secret is read for each use: it may change. RFC 6749 §2.3.1 */
  private authentication(client: typeof import('openid-client')): ClientAuth {
    return (server, metadata, body, headers) => {
      const secret = readClientSecret(this.config)
      // The default is the header: OpenID Connect Discovery 1.0 §3.
      const { token_endpoint_auth_methods_supported: methods = ['client_secret_basic'] } = server
      const how =
        secret === undefined
          ? client.None()
          : methods.includes('client_secret_basic')
            ? client.ClientSecretBasic(secret)
            : client.ClientSecretPost(secret)
      how(server, metadata, body, headers)
    }
  }

  /** @param otherwise what the client gets, unless the provider cannot be reached, or our files not be read */
  private errorOf(error: unknown, otherwise: InterdictError | RetryLater): ProviderError {
    const unavailable = causesOf(error).some(
      one => one instanceof ProviderUnreachable || one instanceof InterdictError
    )
    const sent = unavailable ? new RetryLater(failure('OIDC_UNAVAILABLE'), PAUSE) : otherwise
    return new ProviderError(reasonOf(error), sent)
  }
}

/** An error, and those that it was caused by. */
function causesOf(error: unknown): readonly Error[] {
  const found: Error[] = []
  for (let one = error; one instanceof Error && found.length < 5; one = one.cause) found.push(one)
  return found
}

/** Messages only: other members of these errors have tokens. */
function reasonOf(error: unknown): string {
  const codes = ['error', 'error_description'].flatMap(key => {
    const value = (error as Record<string, unknown>)[key]
    return typeof value === 'string' ? [value.slice(0, 200)] : []
  })
  const messages = causesOf(error).map(({ message }) => message)
  return [...new Set([...messages, ...codes])].join(': ')
}
