import type { BlockedNames } from '../draft/block-names.js'
import type { Migration } from '../draft/migration.js'
import { canonicalAddress } from '../draft/server-address.js'
import type { UnboundSetting } from './unbound-clauses.js'
import { withoutDot } from '../draft/drafted-records.js'

/** What clients get for names of zones of these types; undefined: what the rules say. */
const BLOCKING: Readonly<Record<string, string>> = {
  always_nxdomain: 'nxdomain',
  always_nodata: 'nodata',
  always_null: 'null-address',
  always_refuse: 'refused',
  always_deny: 'drop',
  refuse: 'refused',
  deny: 'drop',
  inform_deny: 'drop'
}
const ZONES: Readonly<Record<string, 'static' | 'redirect' | 'transparent'>> = {
  static: 'static',
  redirect: 'redirect',
  inform_redirect: 'redirect',
  transparent: 'transparent'
}
const RECORD = /^\s*(\S+)\s+(?:(\d+)\s+)?(?:IN\s+)?(?:(\d+)\s+)?([A-Za-z]\S*)\s+(.*)$/is
const TYPES: Readonly<Record<string, string>> = {
  typetransparent:
    'names with records have no records of other types here; add them, or leave the name to the upstream',
  always_transparent: 'write the name under "allow", or leave out its records',
  inform: 'the query log has each lookup with log.queries.which: all',
  block_a: 'no rule blocks one type alone: put "||NAME^$dnstype=A" into a list with format adblock',
  noview: 'views are networks here',
  ipset: 'Interdict does not fill address sets of the kernel'
}

/**
 * Carries over `local-zone` and `local-data`.
 *
 * @returns what to do instead, if it was not carried over; undefined: another setting
 */
export function readUnboundData(
  { key, values }: UnboundSetting,
  into: { readonly migration: Migration; readonly blocked: BlockedNames }
): { readonly advice: string | undefined } | undefined {
  const [value = ''] = values
  if (key === 'local-zone') return { advice: readZone(value, values[1] ?? '', into) }
  if (key === 'local-data') return { advice: readData(values.join(' '), into.migration) }
  if (key === 'local-data-ptr') return { advice: readPointer(values.join(' '), into.migration) }
  return undefined
}

function readZone(
  name: string,
  type: string,
  { migration, blocked }: { readonly migration: Migration; readonly blocked: BlockedNames }
): string | undefined {
  const action = BLOCKING[type]
  if (action !== undefined) return blocked.add(name, action)
  const zone = ZONES[type]
  if (zone !== undefined) return migration.records.addZone(name, zone)
  if (type !== 'nodefault') return TYPES[type] ?? `unknown zone type ${type}`
  const special = migration.section('special-use')
  special.except = [...((special.except as string[] | undefined) ?? []), withoutDot(name)]
  return undefined
}

function readData(text: string, { records }: Migration): string | undefined {
  const [, name, before, after, type, rdata] = RECORD.exec(text) ?? []
  if (name === undefined) return 'not a record'
  const ttl = before ?? after
  return records.add(name, type!, rdata!.trim(), ttl === undefined ? undefined : Number(ttl))
}

/** `local-data-ptr: "192.0.2.1 [TTL] name"`. */
function readPointer(text: string, { records }: Migration): string | undefined {
  const [, address = '', ttl, name = ''] = /^\s*(\S+)\s+(?:(\d+)\s+)?(\S+)\s*$/.exec(text) ?? []
  const known = canonicalAddress(address)
  if (known === undefined) return 'not an address and a name'
  return records.add(reverseName(known), 'ptr', name, ttl === undefined ? undefined : Number(ttl))
}

/** The reverse name of an address: RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName(address: string): string {
  if (!address.includes(':')) return `${address.split('.').reverse().join('.')}.in-addr.arpa`
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const [front, back] = [groups(head), groups(tail)]
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0')
  const digits = [...front, ...(address.includes('::') ? zeros : []), ...back].map(group =>
    group.padStart(4, '0')
  )
  return `${digits.join('').split(/(?=.)/).reverse().join('.')}.ip6.arpa`
}
