import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { failure, failureAt, type InterdictError } from '../../base/error.js'
import type { CookiesConfig } from '../../config/config.js'
import { SIPHASH_KEY_SIZE } from '../../dns/edns/siphash.js'

/** The one that makes cookies, the one before, the one to come, and one to spare. */
const MOST_SECRETS = 4

export type CookieSecrets = readonly Uint8Array[]

/**
 * The secrets that cookies are made with, the first one first: those of the file, or, without one,
 * a random one. Undefined where clients get no cookies.
 *
 * @throws AggregateError of COOKIE_SECRET, COOKIE_SECRETS_UNREADABLE
 */
export async function loadCookieSecrets(config: CookiesConfig): Promise<CookieSecrets | undefined> {
  const { server, secretFile } = config
  if (!server) return undefined
  if (secretFile === undefined) return [Uint8Array.from(randomBytes(SIPHASH_KEY_SIZE))]
  return readSecrets(await textOf(secretFile), secretFile)
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { message } = error as Error
    throw new AggregateError([failure('COOKIE_SECRETS_UNREADABLE', file, message)])
  }
}

/** @param file for messages; they show nothing of what may be a secret */
function readSecrets(text: string, file: string): CookieSecrets {
  const secrets: Uint8Array[] = []
  const errors: InterdictError[] = []
  for (const [i, line] of text.split('\n').entries()) {
    const word = line.replace(/#.*/, '').trim()
    if (word === '') continue
    const position = { file, line: i + 1, column: line.indexOf(word) + 1 }
    const wrong = defectOf(word, secrets.length)
    if (wrong === undefined) secrets.push(Uint8Array.from(Buffer.from(word, 'hex')))
    else errors.push(failureAt(position, 'COOKIE_SECRET', wrong))
  }
  if (secrets.length === 0 && errors.length === 0) {
    errors.push(failureAt({ file, line: 1, column: 1 }, 'COOKIE_SECRET', 'no secret'))
  }
  if (errors.length > 0) throw new AggregateError(errors)
  return secrets
}

function defectOf(word: string, before: number): string | undefined {
  if (!/^[0-9a-f]*$/i.test(word)) return 'something else'
  if (word.length !== 2 * SIPHASH_KEY_SIZE) return `${word.length} digits`
  return before === MOST_SECRETS ? 'one more' : undefined
}
