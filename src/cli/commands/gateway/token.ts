import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import type { Milliseconds } from '../../../base/units.js'
import { SCOPES, type Scope } from '../../../admin/tokens/scopes.js'
import {
  newToken,
  readTokens,
  writeTokens,
  type StoredToken
} from '../../../admin/tokens/token-file.js'
import { duration } from '../../../policy/yaml/quantity.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { switchToOwnerOf } from '../../args/user.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { columns, terminalWidth } from '../../output/columns.js'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const SHORTEST = '1m'
const LONGEST = '3650d'
const MAX_TOKENS = 1_000

export interface TokenOptions extends CommonOptions {
  readonly json?: boolean
}

export interface CreateOptions extends TokenOptions {
  readonly name: string
  readonly scope: readonly string[]
  readonly expires: string
}

/**
 * `interdict token create`: prints a new token of the HTTP API. It is stored as a hash, so this is the only
 * time it can be shown.
 *
 * @throws InterdictError API_OFF, API_TOKEN_FILE, API_TOKEN_EXISTS
 */
export async function createToken(options: CreateOptions, io: Io): Promise<number> {
  const { name, expires, json } = options
  if (!NAME.test(name))
    usageError(`--name: expected 1 to 63 letters, digits, dots, hyphens and underscores`)
  const scopes = parseScopes(options.scope)
  const lifetime = parseLifetime(expires)
  const { path, isServed } = await tokenFile(options)
  const tokens = readTokens(path)
  if (tokens.some(token => token.name === name)) throw failure('API_TOKEN_EXISTS', name)
  if (tokens.length >= MAX_TOKENS) usageError(`there are ${MAX_TOKENS} tokens; revoke some first`)
  const now = Date.now()
  const { token, stored } = newToken(name, scopes, new Date(now), new Date(now + lifetime))
  writeTokens(path, [...tokens, stored])
  if (json === true) {
    printJson(io, { ...shown(stored, now), token })
    return EXIT.success
  }
  print(io, `${token}\n`)
  const note = `token ${name} (${scopes.join(', ')}) expires at ${stored.expires}; it is not shown again`
  io.stderr.write(`${note}\n`)
  if (!isServed) io.stderr.write('the HTTP API is off until admin.http is set\n')
  return EXIT.success
}

/** `interdict token list`: all tokens, without their secrets. @throws InterdictError API_OFF, API_TOKEN_FILE */
export async function listTokens(options: TokenOptions, io: Io): Promise<number> {
  const { path } = await tokenFile(options)
  const now = Date.now()
  const tokens = readTokens(path).map(token => shown(token, now))
  if (options.json === true) {
    printJson(io, { tokens })
    return EXIT.success
  }
  const head = ['name', 'scopes', 'created', 'expires', 'state']
  const rows = tokens.map(({ name, scopes, created, expires, expired }) => {
    const state = expired ? (['red', 'expired'] as const) : 'valid'
    return { cells: [[name], [scopes.join(', ')], [created], [expires], [state]] }
  })
  const lines = rows.length === 0 ? ['no tokens'] : columns(head, rows, terminalWidth(io.stdout))
  print(io, `${lines.join('\n')}\n`)
  return EXIT.success
}

/**
 * `interdict token revoke`: a running gateway refuses the token within a second.
 *
 * @throws InterdictError API_OFF, API_TOKEN_FILE, API_TOKEN_ABSENT
 */
export async function revokeToken(name: string, options: TokenOptions, io: Io): Promise<number> {
  const { path } = await tokenFile(options)
  const tokens = readTokens(path)
  const rest = tokens.filter(token => token.name !== name)
  if (rest.length === tokens.length) throw failure('API_TOKEN_ABSENT', name)
  writeTokens(path, rest)
  if (options.json === true) printJson(io, { revoked: name })
  else print(io, `${name}: revoked\n`)
  return EXIT.success
}

/** The file of the settings. As root it is read and written as the user of the gateway, who has to read it. */
async function tokenFile(options: CommonOptions) {
  const { http, tokens } = (await loadSettings(options)).admin
  if (tokens === undefined) throw failure('API_OFF')
  const owned = [tokens, dirname(tokens)].find(path => existsSync(path))
  if (owned !== undefined) switchToOwnerOf(owned)
  return { path: tokens, isServed: http !== undefined }
}

function parseScopes(values: readonly string[]): readonly Scope[] {
  const names = values.flatMap(word => word.split(','))
  const wrong = names.find(name => !(SCOPES as readonly string[]).includes(name))
  if (wrong !== undefined) usageError(`--scope: ${wrong} is not one of ${SCOPES.join(', ')}`)
  return SCOPES.filter(scope => names.includes(scope))
}

function parseLifetime(text: string): Milliseconds {
  const parsed = duration(SHORTEST, LONGEST).safeParse(text)
  return parsed.success
    ? parsed.data
    : usageError(`--expires: ${text} is not a duration from ${SHORTEST} to ${LONGEST}, such as 90d`)
}

/** A token without its hash. */
function shown({ name, scopes, created, expires }: StoredToken, now: Milliseconds) {
  return { name, scopes, created, expires, expired: Date.parse(expires) <= now }
}
