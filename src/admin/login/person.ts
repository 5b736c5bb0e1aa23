import type { OidcConfig } from '../../gateway/config/oidc-config.js'
import { ROLE_SCOPES, type Scope } from '../tokens/scopes.js'

export type Claims = Readonly<Record<string, unknown>>

/** Who has logged in, as the provider says. */
export interface Person {
  /** For people: it may change, and the provider decides whether it is unique. */
  readonly name: string
  /** Unique and stable at the provider. OpenID Connect Core 1.0 §2 */
  readonly subject: string
  /** Empty: the person may do nothing. */
  readonly scopes: readonly Scope[]
}

const MAX_NAME = 128

type Rules = Pick<OidcConfig, 'nameClaim' | 'rolesClaim' | 'roles'>

/** @param claims with `sub` */
export function personOf(claims: Claims, { nameClaim, rolesClaim, roles }: Rules): Person {
  const subject = claims.sub as string
  const named = claimAt(claims, nameClaim)
  // Without control characters, which a terminal would obey.
  const name = typeof named === 'string' ? named.replaceAll(/\p{C}/gu, '').trim() : ''
  const found = claimAt(claims, rolesClaim)
  const own: readonly unknown[] = Array.isArray(found) ? found : [found]
  const scopes = ROLE_SCOPES.filter(scope => roles[scope].some(role => own.includes(role)))
  return { name: (name === '' ? subject : name).slice(0, MAX_NAME), subject, scopes }
}

/**
 * A claim by its name, or by a path of names with dots between them: `realm_access.roles`. Names may have dots
 * themselves: `https://example.com/roles`.
 */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let value: unknown = claims
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Claims)[name]
  }
  return value
}
