import { InterdictError } from '../../../base/errors/error.js'
import { readName } from '../../../wire/dns/name/name.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import { readRdata, type RdataTokens } from '../../../wire/zonefile/zone-rdata.js'
import { ZoneTokenizer } from '../../../wire/zonefile/zone-tokenizer.js'

/** Longest character-string. RFC 1035 §3.3. */
const MAX_STRING = 255

/**
 * Reads the RDATA of one record of the rules, as in a zone file: names are absolute. A TXT record without quotes
 * is one text, split into strings of 255 octets.
 *
 * @throws RdataError
 */
export function readRdataValue(type: number, text: string): Uint8Array {
  if (type === RRTYPE.TXT && !/^\s*(?:"|\\#)/.test(text)) return plainText(text)
  const words = new ZoneTokenizer(Buffer.from(` ${text.trim()}`), () => undefined)
  // RDATA cannot contain a line break, a comment or an open quote.
  const isOneLine = !/[\r\n]/.test(text.trim()) && words.advance()
  const tokens: RdataTokens = {
    count: isOneLine ? words.wordCount : 0,
    text: i => words.text(i),
    name: i => nameOf(words.text(i))
  }
  return readRdata(type, tokens)
}

function plainText(text: string): Uint8Array {
  const octets = Buffer.from(text)
  const parts: Uint8Array[] = []
  for (let at = 0; at < octets.length; at += MAX_STRING) {
    const part = octets.subarray(at, at + MAX_STRING)
    parts.push(Uint8Array.of(part.length), part)
  }
  return Buffer.concat(parts)
}

function nameOf(text: string): Uint8Array | undefined {
  try {
    return readName(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
