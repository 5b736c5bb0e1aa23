import { escapeControls } from '../../base/log/terminal-line.js'
import { usageError } from '../exit.js'
import type { Io } from '../io.js'

/** The authority of a URL. RFC 3986 §3.2. */
const URL_AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/([^/?#\\]*)/i
const EMAIL = /^(?:mailto:)?[^@/\s\\]+@([^@/?:\s\\]+)$/i
const HOST_PORT = /^([^@/:\s\\]+):\d{1,5}$/
const USER_INFO = /^.*@/s
const PORT = /:\d*$/
const ADDRESS = /^(?:\d[\d.]*|\[.*)$/s

/**
 * The host name in a URL, `host:port` or e-mail address, and a line on standard error that says which
 * name was taken. Other texts are returned as they are.
 */
export function extractHostName(argument: string, text: string, io: Io): string {
  const authority = URL_AUTHORITY.exec(text)?.[1]?.replace(USER_INFO, '').replace(PORT, '')
  const host = authority ?? (EMAIL.exec(text) ?? HOST_PORT.exec(text))?.[1]
  if (host === undefined) return text
  if (host === '') usageError(`${argument}: ${text} contains no host name`)
  if (ADDRESS.test(host)) usageError(`${argument}: ${text} has an address, not a domain name`)
  io.stderr.write(`using the host name ${escapeControls(host)}\n`)
  return host
}

/**
 * Rejects `/`, `:` and `@`, which are far more often part of a URL than of a domain name. A name that
 * really has one, such as `0/25.2.0.192.in-addr.arpa` (RFC 2317 §4), needs an escape: `0\/25`.
 */
export function rejectUrlCharacters(argument: string, name: string): void {
  const [, sign] = /(?<!\\)(?:\\\\)*([/:@])/.exec(name) ?? []
  if (sign !== undefined)
    usageError(
      `${argument}: ${name} is not a domain name: '${sign}' needs an escape, as '\\${sign}'`
    )
}
