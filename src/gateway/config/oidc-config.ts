import type { Position } from '../../base/errors/position.js'
import type { Milliseconds } from '../../base/units.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'

/** Login of people by an OpenID Connect provider. */
export interface OidcConfig {
  readonly issuer: string
  readonly clientId: string
  /** Undefined: a public client, which PKCE alone protects. */
  readonly clientSecretFile: string | undefined
  /** CA certificates trusted in addition to the built-in ones. */
  readonly caFile: string | undefined
  readonly proxy?: HttpProxy | undefined
  /** Origin of the API as browsers see it: `https://gateway.example:8053`. */
  readonly origin: string
  /** Requested of the provider, with `openid`. */
  readonly requestedScopes: readonly string[]
  readonly nameClaim: string
  /** Name of a claim, or of a member of claims that are objects, with dots. */
  readonly rolesClaim: string
  /** The roles that permit something, by the scope of the API. */
  readonly roles: {
    readonly read: readonly string[]
    readonly operate: readonly string[]
    readonly policy: readonly string[]
  }
  /** How long a login lasts, at most, and without a request. */
  readonly session: Milliseconds
  readonly idle: Milliseconds
  /** For one request to the provider. */
  readonly timeout: Milliseconds
  /** Position of the section, for errors of its files. */
  readonly position: Position
}
