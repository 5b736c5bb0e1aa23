import { createHash, randomBytes } from 'node:crypto'
import type { Octets } from '../../../base/units.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

/** As many bits as SHA-256 has, so that nobody guesses a token. */
const TOKEN: Octets = 32

export interface ClientTokenOptions {
  readonly json?: boolean
}

/**
 * `interdict client-token`: prints a URL with a new token for DNS over HTTPS, and the hash of the token for
 * `clients` in the rules. Nothing is stored.
 *
 * @param text URL of the listener, such as `https://dns.example/dns-query`
 */
export function createClientToken(text: string, { json }: ClientTokenOptions, io: Io): number {
  if (!/^https:\/\/[!-~]+$/.test(text) || !URL.canParse(text))
    usageError(`<url>: ${text} is not a URL such as https://dns.example/dns-query`)
  const { search, hash } = new URL(text)
  if (search + hash !== '') usageError(`<url>: ${text}: leave out ${search}${hash}`)
  const token = randomBytes(TOKEN).toString('base64url')
  const url = `${text.replace(/\/$/, '')}/${token}`
  const rule = `sha256:${createHash('sha256').update(token).digest('hex')}`
  if (json === true) printJson(io, { url, token: rule })
  else {
    print(io, `${url}\n`)
    io.stderr.write(`in the rules: token: ${rule}; the URL is not shown again\n`)
  }
  return EXIT.success
}
