import { domainToASCII, domainToUnicode } from 'node:url'
import { MAX_NAME } from '../../../wire/dns/name/hashed-name.js'
import { readName, readPlainName, showCanonical, showName } from '../../../wire/dns/name/name.js'
import { parsedString } from '../../yaml/parsed-string.js'
import type { Cover } from './types.js'

/** A name in a rule, and which names it covers. */
export interface Pattern {
  readonly cover: Cover
  /** Lower-cased wire form, root label included. */
  readonly name: Uint8Array
}

/** ASCII that is invalid in names of rules: a URL, a port, an escape, a second `*`. */
const ODD = /[\0-,/:-@[-^`{-\x7f]/
const IPV4 = /^\d[\d.]*$/

/**
 * Reads `tiktok.com` (covers itself and everything below), `=tiktok.com` (itself) or `*.tiktok.com`
 * (everything below). Undefined for anything else.
 *
 * @throws InterdictError NAME_INVALID
 */
export function readPattern(text: string): Pattern | undefined {
  const [, sign = '', name = ''] = /^(=|\*\.)?(.*)$/s.exec(text) ?? []
  if (ODD.test(name) || IPV4.test(name) || hasInvalidALabel(name)) return undefined
  const cover = sign === '=' ? 'exact' : sign === '*.' ? 'below' : 'suffix'
  return { cover, name: readAscii(name) ?? readName(name) }
}

const A_LABEL = /(?:^|\.)(xn--[^.]*)/gi

/** True for a name with a label such as `xn--a` that is not Punycode: no client asks for it. RFC 5890 §2.3.2.1. */
export function hasInvalidALabel(name: string): boolean {
  const labels = name.includes('--') ? [...name.matchAll(A_LABEL)] : []
  return labels.some(([, label]) => {
    // A second label, because one alone could be parsed as a number.
    const written = `${label!.toLowerCase()}.example`
    // Node 24 returns what it cannot decode unchanged, Node 20 and 22 return nothing.
    const unicode = domainToUnicode(written)
    return unicode === written || domainToASCII(unicode) !== written
  })
}

/** Names share slabs of memory: a buffer for each would cost more than reading the name. */
const SLAB = 16_384
let slab = new Uint8Array(SLAB)
let used = 0
const scratch = Buffer.alloc(4 * MAX_NAME)

/**
 * As `readName` for plain ASCII, in a tenth of the time: app files have thousands of names.
 *
 * @returns undefined for anything else
 */
export function readAscii(text: string): Uint8Array | undefined {
  if (text.length > MAX_NAME) return undefined
  if (used + MAX_NAME > SLAB) {
    slab = new Uint8Array(SLAB)
    used = 0
  }
  const length = readPlainName(scratch, 0, scratch.write(text), slab, used)
  if (length <= 0) return undefined
  used += length
  return slab.subarray(used - length, used)
}

const PREFIX_OF = { suffix: '', exact: '=', below: '*.' } as const

/** A pattern in the syntax of rules. */
export function showPattern({ cover, name }: Pattern): string {
  return `${PREFIX_OF[cover]}${showCanonical(showName(name))}`
}

export const patternSchema = parsedString(
  'a domain name, =name or *.name',
  readPattern,
  patternHint
)

/** A name in a URL, after a dot, or in the syntax of a block list. */
const WRAPPED = /^(?:[a-z]+:\/\/|\|\|)?\.?([^/:^?]+)(?:[/:^?].*)?$/is

/** What to write instead of an invalid pattern, as the end of an error message; may be empty. */
function patternHint(text: string): string {
  const [, name = ''] = WRAPPED.exec(text) ?? []
  if (hasInvalidALabel(name)) return '; it is not valid Punycode: write it in its own script'
  if (IPV4.test(name)) return '; addresses and prefixes belong under addresses:'
  if (name.includes('*')) return '; only *.name is possible, for all names below'
  return name !== text && isPattern(name) ? `; write ${name}` : ''
}

function isPattern(text: string): boolean {
  try {
    return readPattern(text) !== undefined
  } catch {
    return false
  }
}

/** Whether a pattern covers a top-level domain or the root. */
export function coversTopLevelDomain({ cover, name }: Pattern): boolean {
  const labels = labelCount(name)
  return labels === 0 || (labels === 1 && cover !== 'exact')
}

/** Whether a pattern covers a name, given in lower-cased wire form. */
export function covers(cover: Cover, name: Uint8Array, other: Uint8Array): boolean {
  const start = other.length - name.length
  const kindFits = start === 0 ? cover !== 'below' : cover !== 'exact'
  if (start < 0 || !kindFits) {
    return false
  }
  if (Buffer.compare(name, other.subarray(start)) !== 0) return false
  // The octets are equal; they are a parent name only if a label begins there.
  let at = 0
  while (at < start) at += other[at]! + 1
  return at === start
}

function labelCount(name: Uint8Array): number {
  let count = 0
  for (let at = 0; name[at] !== 0; at += name[at]! + 1) count++
  return count
}
