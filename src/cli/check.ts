import type { CookiesConfig } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { cookieSecrets } from '../gateway/cookie-secrets.js'
import type { Trouble } from '../gateway/messages.js'
import { compile } from '../policy/compile.js'
import { loadRules } from '../rules/load.js'
import { EXIT } from './exit.js'
import type { CommonOptions } from './settings.js'
import { count } from './show.js'

/** `interdict check`: reads everything as `serve` would, and says all that is wrong. */
export async function check(options: CommonOptions): Promise<void> {
  const read = await loadConfig(options.config)
  if (!read.ok) found(read.errors)
  const loaded = await loadRules(read.config.rules)
  const secrets = await secretErrors(read.config.cookies)
  if (!loaded.ok) found([...secrets, ...loaded.errors])
  if (secrets.length > 0) found(secrets)
  for (const warning of loaded.warnings) say(`warning: ${show(warning)}`)
  const { counts, sha256 } = compile(loaded.rules, { generation: 0, random: () => 0 })
  const { networks, rules, names } = counts
  say(`${count(networks, 'network')}, ${count(rules, 'rule')}, ${count(names, 'name')}: all good`)
  say(`SHA-256 ${sha256}`)
}

/** What is wrong with the file of cookie secrets, if there is one. */
async function secretErrors(cookies: CookiesConfig): Promise<readonly Trouble[]> {
  try {
    await cookieSecrets(cookies)
    return []
  } catch (error) {
    if (error instanceof AggregateError) return error.errors as Trouble[]
    throw error
  }
}

function found(errors: readonly Trouble[]): never {
  for (const error of errors) say(show(error))
  say(count(errors.length, 'error'))
  process.exit(EXIT.found)
}

const say = (line: string): unknown => process.stdout.write(`${line}\n`)
const show = ({ code, message }: Trouble): string => `${message} (${code})`
