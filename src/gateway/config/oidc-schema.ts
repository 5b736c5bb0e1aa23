import { resolve } from 'node:path'
import * as z from 'zod'
import type { Position } from '../../base/errors/position.js'
import { duration } from '../../policy/yaml/quantity.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import { isLoopback } from './alerts-schema.js'
import type { OidcConfig } from './oidc-config.js'

const MAX_ROLES = 100

/** `https:`, or `http:` to this machine, without query, fragment or password. */
function readSafeUrl(text: string): URL | undefined {
  if (!URL.canParse(text) || /[?#@]/.test(text)) return undefined
  const url = new URL(text)
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
  return isSafe ? url : undefined
}

function readOrigin(text: string): string | undefined {
  const url = readSafeUrl(text)
  return url?.pathname === '/' ? url.origin : undefined
}

const path = z.string('a path').prefault('')
/** RFC 6749 §3.3: printable, without space, quotes and backslash. */
const scope = z.string().regex(/^[!#-[\]-~]+$/, 'a scope without spaces')
const text = z.string().min(1, 'a text')
const roles = z.array(text).max(MAX_ROLES).prefault([])

/** `admin.oidc`; undefined: no login. */
export const oidcSchema = z
  .strictObject({
    // As the provider writes it: OpenID Connect Discovery 1.0 §4.3 compares it exactly.
    issuer: z
      .string('a URL')
      .refine(
        it => readSafeUrl(it) !== undefined,
        'https://, or http:// to loopback, without query'
      ),
    'client-id': text,
    'client-secret-file': path,
    'ca-file': path,
    'base-url': parsedString('https://host:port, or http:// to loopback, without path', readOrigin),
    scopes: z.array(scope).prefault(['profile']),
    'name-claim': text.prefault('preferred_username'),
    'roles-claim': text.prefault('groups'),
    roles: z
      .strictObject({ read: roles, operate: roles, policy: roles })
      .refine(it => Object.values(it).some(some => some.length > 0), {
        error: 'at least one role, since nobody could log in'
      }),
    session: duration('5m', '7d').prefault('8h'),
    idle: duration('1m', '7d').prefault('1h'),
    timeout: duration('1s', '30s').prefault('5s')
  })
  .optional()

/** @param folder that paths are relative to */
export function oidcOf(
  settings: z.output<typeof oidcSchema>,
  folder: string,
  position: Position
): OidcConfig | undefined {
  if (settings === undefined) return undefined
  const { issuer, roles, session, idle, timeout } = settings
  const file = (name: string): string | undefined =>
    name === '' ? undefined : resolve(folder, name)
  return {
    issuer,
    clientId: settings['client-id'],
    clientSecretFile: file(settings['client-secret-file']),
    caFile: file(settings['ca-file']),
    origin: settings['base-url'],
    requestedScopes: settings.scopes,
    nameClaim: settings['name-claim'],
    rolesClaim: settings['roles-claim'],
    roles,
    session,
    idle,
    timeout,
    position
  }
}
