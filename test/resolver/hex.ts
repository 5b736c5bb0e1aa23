const TOKEN = /([0-9a-f]{2})(?:\*(\d+))?|'([ -~]*?)'|#.*|\s+|[^]/gi

/**
 * Octets as scenario files write them: hexadecimal digits, `00*400` for one octet so many times,
 * `'text'` for the octets of ASCII text, white space anywhere between, and `#` with a comment up to
 * the end of the line.
 *
 * @throws Error if anything else is in it
 */
export function readHex(text: string): Buffer {
  const octets: number[] = []
  for (const [token, digits, times = '1', ascii] of text.matchAll(TOKEN)) {
    if (digits !== undefined) octets.push(...Array<number>(+times).fill(parseInt(digits, 16)))
    else if (ascii !== undefined) octets.push(...Buffer.from(ascii, 'latin1'))
    else if (!/^[#\s]/.test(token)) throw new Error(`${JSON.stringify(token)} is no octet`)
  }
  return Buffer.from(octets)
}
