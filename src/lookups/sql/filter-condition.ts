import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { readRrtype, showRrtype } from '../../wire/dns/registry/rrtype.js'
import { isMapped, showAddress, type Prefix } from '../../base/values/address.js'
import { parsePrefix } from '../../base/values/parse-prefix.js'
import { readPattern } from '../../policy/rules/model/pattern.js'
import {
  FILTER_COLUMNS,
  LOOKUP_FILTERS,
  type LookupFilter,
  type LookupFilters
} from './lookup-filters.js'
import { quoted } from './lookups-sql.js'

const MAPPED_BITS = 96
const ADDRESS_BITS = 128
const ANY_VERDICT = 'all'

/**
 * SQL conditions for filters, which all must hold. Values are literals, in which DuckDB has no escapes but a doubled
 * quote. They select the same lookups as `parseFilter` does of records.
 */
export function filterConditions(filters: LookupFilters): string[] {
  return LOOKUP_FILTERS.flatMap(filter => {
    const values = filters[filter]
    if (values === undefined || values.length === 0) return []
    if (filter === 'verdict' && values.includes(ANY_VERDICT)) return []
    const terms = values.map(value => termOf(filter, value))
    return terms.length === 1 ? terms : [`(${terms.join(' OR ')})`]
  })
}

function termOf(filter: LookupFilter, value: string): string {
  if (filter === 'client') return clientTerm(value)
  if (filter === 'device') return `(${deviceTerm(value)})`
  if (filter === 'name') return nameTerm(value)
  return `${FILTER_COLUMNS[filter]} = ${quoted(canonicalValue(filter, value))}`
}

/** As the log writes it. */
export function canonicalValue(filter: LookupFilter, value: string): string {
  if (filter === 'transport' || filter === 'dnssec') return value.toLowerCase()
  if (filter !== 'type') return value
  const type = readRrtype(value)
  return type === undefined ? value.toUpperCase() : showRrtype(type)
}

/** A name of a group stands for all of its devices. */
const deviceTerm = (text: string): string =>
  `device = ${quoted(text)} OR starts_with(device, ${quoted(`${text}/`)})`

function clientTerm(text: string): string {
  const prefix = parsePrefix(text)
  const isWithin = prefix === undefined ? [] : [withinPrefix(prefix)]
  return `(${[`client = ${quoted(text)}`, deviceTerm(text), ...isWithin].join(' OR ')})`
}

/** Names in the log are in lower case, as the recorder writes them. */
function nameTerm(text: string): string {
  const { name, cover } = readPattern(text)!
  const shown = showCanonical(showName(name))
  const isIt = `qname = ${quoted(shown)}`
  // Every name is below the root, which the log writes as a dot.
  const isBelow = shown === '.' ? `qname <> '.'` : `ends_with(qname, ${quoted(`.${shown}`)})`
  return { exact: isIt, below: isBelow, suffix: `(${isIt} OR ${isBelow})` }[cover]
}

/** The address of `client`, without the length of a prefix, and that length or the given one. */
const ADDRESS = `split_part(client, '/', 1)`
const lengthOr = (most: number): string =>
  `coalesce(try_cast(split_part(client, '/', 2) AS INTEGER), ${most})`

/** SQL condition: `client` is an address or prefix within this prefix. */
function withinPrefix(prefix: Prefix): string {
  const { address, length } = prefix
  if (length === ADDRESS_BITS) {
    const shown = showAddress(address)
    return `client IN (${quoted(shown)}, ${quoted(`${shown}/${isMapped(address) ? 32 : ADDRESS_BITS}`)})`
  }
  if (isMapped(address) && length >= MAPPED_BITS)
    return withinIpv4(address.subarray(12), length - MAPPED_BITS)
  const ipv6 = withinIpv6(address, length)
  const hasIpv4 = MAPPED.every((octet, i) => ((octet ^ address[i]!) & maskOf(length, i)) === 0)
  return hasIpv4 && length < MAPPED_BITS ? `(${ipv6} OR ${withinIpv4(new Uint8Array(4), 0)})` : ipv6
}

const MAPPED = [...Array<number>(10).fill(0), 0xff, 0xff]

/** The bits of an octet that a prefix covers. */
const maskOf = (length: number, octet: number): number =>
  (0xff00 >> Math.min(Math.max(length - 8 * octet, 0), 8)) & 0xff

function withinIpv4(octets: Uint8Array, length: number): string {
  const whole = length >> 3
  const start = [...octets.subarray(0, whole)].map(octet => `${octet}.`).join('')
  const low = octets[whole]!
  const high = low | (0xff >> (length & 7))
  return [
    // Cheap for all other clients.
    ...(whole > 0 ? [`starts_with(client, ${quoted(start)})`] : []),
    String.raw`regexp_full_match(client, '\d+\.\d+\.\d+\.\d+(/\d+)?')`,
    ...((length & 7) > 0
      ? [
          `try_cast(split_part(${ADDRESS}, '.', ${whole + 1}) AS INTEGER) BETWEEN ${low} AND ${high}`
        ]
      : []),
    `${lengthOr(32)} >= ${length}`
  ].join(' AND ')
}

/** The number of groups of an IPv6 address that are written. */
const WRITTEN = `length(replace(regexp_replace(${ADDRESS}, '[0-9a-f]+', 'x', 'g'), ':', ''))`
/** The address with all of its eight groups. */
const ALL_GROUPS = `trim(replace(${ADDRESS}, '::', ':' || repeat('0:', 8 - ${WRITTEN})), ':')`
/** The address as 32 hexadecimal digits: each group gets three zeros, and keeps its last four digits. */
const DIGITS = `regexp_replace(replace(':' || ${ALL_GROUPS}, ':', ':000'), ':[0-9a-f]*([0-9a-f]{4})', '\\1', 'g')`

function withinIpv6(address: Uint8Array, length: number): string {
  const hex = Buffer.from(address).toString('hex')
  const whole = length >> 2
  const bits = length & 3
  const digit = parseInt(hex[whole] ?? '0', 16)
  const digits = Array.from({ length: 1 << (4 - bits) }, (_, i) => quoted((digit + i).toString(16)))
  const terms = [
    `starts_with(${DIGITS}, ${quoted(hex.slice(0, whole))})`,
    ...(bits > 0 ? [`substr(${DIGITS}, ${whole + 1}, 1) IN (${digits.join(', ')})`] : []),
    `${lengthOr(ADDRESS_BITS)} >= ${length}`
  ]
  const isIpv6 = `regexp_full_match(client, '[0-9a-f]*:[0-9a-f:]*(/[0-9]+)?')`
  const start = leadingGroups(hex, length)
  const isLikely = start === '' ? isIpv6 : `starts_with(client, ${quoted(start)}) AND ${isIpv6}`
  // CASE: DuckDB may evaluate the terms of AND in any order.
  return `CASE WHEN ${isLikely} THEN ${terms.join(' AND ')} ELSE false END`
}

/** The groups of the prefix up to the first that is zero, which may be left out of an address: cheap to compare. */
function leadingGroups(hex: string, length: number): string {
  let start = ''
  for (let at = 0; 4 * (at + 4) <= length; at += 4) {
    const group = parseInt(hex.slice(at, at + 4), 16)
    if (group === 0) return start
    start += `${group.toString(16)}:`
  }
  return start
}
