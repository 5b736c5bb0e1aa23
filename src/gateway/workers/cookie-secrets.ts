import { randomBytes } from 'node:crypto'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, failureAt, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { CookiesConfig } from '../config/config.js'
import { SIPHASH_KEY_SIZE } from '../../wire/dns/edns/siphash.js'

/** The active secret, the previous one, the next one, and one spare. */
const MAX_SECRETS = 4

export type CookieSecrets = readonly Uint8Array[]

/**
 * Reads the server cookie secrets from the file, or generates a random one without a file. The first
 * secret makes new cookies; the others are only accepted. Undefined: server cookies are off.
 *
 * @throws AggregateError of COOKIE_SECRET, COOKIE_SECRETS_UNREADABLE
 */
export async function loadCookieSecrets(config: CookiesConfig): Promise<CookieSecrets | undefined> {
  const { server, secretFile } = config
  if (!server) return undefined
  if (secretFile === undefined) return [Uint8Array.from(randomBytes(SIPHASH_KEY_SIZE))]
  return parseSecrets(await readSecretFile(secretFile), secretFile)
}

async function readSecretFile(file: string): Promise<string> {
  try {
    return (await readBoundedFile(file, MAX_SECRET_FILE)).toString()
  } catch (error) {
    throw new AggregateError([failure('COOKIE_SECRETS_UNREADABLE', file, reasonOf(error))])
  }
}

/** @param file for error messages, which never show what may be a secret */
function parseSecrets(text: string, file: string): CookieSecrets {
  const secrets: Uint8Array[] = []
  const errors: InterdictError[] = []
  for (const [i, line] of text.split('\n').entries()) {
    const word = line.replace(/#.*/, '').trim()
    if (word === '') continue
    const position = { file, line: i + 1, column: line.indexOf(word) + 1 }
    const defect = defectOf(word, secrets.length)
    if (defect === undefined) secrets.push(Uint8Array.from(Buffer.from(word, 'hex')))
    else errors.push(failureAt(position, 'COOKIE_SECRET', defect))
  }
  if (secrets.length === 0 && errors.length === 0) {
    errors.push(failureAt({ file, line: 1, column: 1 }, 'COOKIE_SECRET', 'no secret'))
  }
  if (errors.length > 0) throw new AggregateError(errors)
  return secrets
}

function defectOf(word: string, count: number): string | undefined {
  if (!/^[0-9a-f]*$/i.test(word)) return 'other characters'
  if (word.length !== 2 * SIPHASH_KEY_SIZE) return `${word.length} digits`
  return count === MAX_SECRETS ? 'a fifth secret' : undefined
}
