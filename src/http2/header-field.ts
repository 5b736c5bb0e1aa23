import type { Octets } from '../base/units.js'

/** What an entry of a header table counts for besides its name and value. RFC 7541 §4.1. */
const ENTRY_OVERHEAD: Octets = 32

/** A field of a request or response, pseudo-header fields included. Octets are as in Latin-1. */
export interface HeaderField {
  readonly name: string
  readonly value: string
}

/** What a field counts for in a header table and in a list of fields. RFC 7541 §4.1, RFC 9113 §6.5.2. */
export function fieldSize({ name, value }: HeaderField): Octets {
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
  return { name: name!, value: value.join(' ') }
})
