import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'

/** RFC 9110 §5.6.2 and §5.5: a token, and visible characters. */
const LINE = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\p{Cc}]*?)[ \t]*$/u
/** Set by the client itself, or about the connection. */
const RESERVED =
  /^(host|connection|content-.*|transfer-encoding|accept-encoding|if-.*|range|te|trailer|upgrade|expect|proxy-.*)$/i

/**
 * Headers of a file, one `Name: value` in a line; empty lines and lines with `#` are comments. An error names the line, and never
 * its content, which may be a secret.
 */
export function readHeaderFile(file: string): Readonly<Record<string, string>> {
  const lines = readBoundedFileSync(file, MAX_SECRET_FILE).toString().split(/\r?\n/)
  const headers: Record<string, string> = {}
  for (const [i, line] of lines.entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, name, value] = LINE.exec(line) ?? []
    if (name === undefined || value === undefined)
      throw new Error(`line ${i + 1}: expected Name: value`)
    if (RESERVED.test(name)) throw new Error(`line ${i + 1}: ${name} cannot be set`)
    headers[name] = value
  }
  if (Object.keys(headers).length === 0) throw new Error('it has no headers')
  return headers
}
