import type { Octets } from '../../base/units.js'

/** What an entry of a header table counts for besides its name and value. RFC 7541 §4.1. */
const ENTRY_OVERHEAD: Octets = 32

/** A field of a request or response, pseudo-header fields included. Octets are as in Latin-1. */
export interface HeaderField {
  readonly name: string
  readonly value: string
  /** Whether name and value have only characters that they may have: RFC 9113 §8.2.1. */
  readonly isValid: boolean
}

/** Lower-case tokens: RFC 9110 §5.6.2; with a colon in front, pseudo-header fields. */
const NAME = /^:?[a-z0-9!#$%&'*+\-.^_`|~]+$/
/** Neither NUL, CR nor LF, nor white space at its ends. */
const INVALID_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/

export function isValidName(name: string): boolean {
  return NAME.test(name)
}

export function isValidValue(value: string): boolean {
  return !INVALID_VALUE.test(value)
}

/** What a field counts for in a header table and in a list of fields. RFC 7541 §4.1, RFC 9113 §6.5.2. */
export function fieldSize({ name, value }: Pick<HeaderField, 'name' | 'value'>): Octets {
  return name.length + value.length + ENTRY_OVERHEAD
}

/** The static table, from index 1: RFC 7541 Appendix A. */
export const STATIC_TABLE: readonly HeaderField[] = [
  ':authority',
  ':method GET',
  ':method POST',
  ':path /',
  ':path /index.html',
  ':scheme http',
  ':scheme https',
  ':status 200',
  ':status 204',
  ':status 206',
  ':status 304',
  ':status 400',
  ':status 404',
  ':status 500',
  'accept-charset',
  'accept-encoding gzip, deflate',
  'accept-language',
  'accept-ranges',
  'accept',
  'access-control-allow-origin',
  'age',
  'allow',
  'authorization',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'etag',
  'expect',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'link',
  'location',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'referer',
  'refresh',
  'retry-after',
  'server',
  'set-cookie',
  'strict-transport-security',
  'transfer-encoding',
  'user-agent',
  'vary',
  'via',
  'www-authenticate'
].map(text => {
  const [name, ...value] = text.split(' ')
  return { name: name!, value: value.join(' '), isValid: true }
})
