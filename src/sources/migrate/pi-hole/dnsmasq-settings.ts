import { addServers } from '../draft/add-servers.js'
import type { BlockedNames } from '../draft/block-names.js'
import type { Migration, Place } from '../draft/migration.js'
import { addressKey } from '../draft/drafted-records.js'
import { reverseZones } from './reverse-zones.js'
import { canonicalAddress, endpoint } from '../draft/server-address.js'

const UNNEEDED =
  /^(domain-needed|bogus-priv|no-resolv|no-hosts|no-poll|resolv-file|cache-size|log-.*|interface|except-interface|listen-address|bind-.*|localise-queries|local-service|user|group|pid-file|conf-.*|all-servers|strict-order|edns-packet-max|dns-forward-max|local-ttl|neg-ttl|max-.*|min-cache-ttl|expand-hosts|domain|addn-hosts|hostsdir|port|dnssec-check-unsigned|fast-dns-retry|use-stale-cache|filter-.*|proxy-dnssec)$/
const NOWHERE = ['', '#', '0.0.0.0', '::']
const DHCP =
  'Interdict has no DHCP server: keep one, and give its clients the address of this gateway'

/** A line of dnsmasq, such as `server=/corp.example/10.0.0.53`. */
export function carryDnsmasq(
  place: Place,
  line: string,
  migration: Migration,
  blocked: BlockedNames
): void {
  const [, key = '', value = ''] = /^\s*([\w-]+)\s*=?\s*(.*?)\s*$/.exec(line) ?? []
  const carry = CARRIED[key]
  if (carry !== undefined) migration.settle(place, line, carry(value, migration, blocked))
  else if (UNNEEDED.test(key))
    migration.unneeded(place, line, 'Interdict does it without a setting')
  else if (/^(dhcp-|enable-ra|ra-|tftp|pxe)/.test(key)) migration.open(place, line, DHCP)
  else if (/^(dnssec|trust-anchor)/.test(key))
    migration.open(place, line, 'to validate answers here, set "dnssec: enforce" in the network')
  else
    migration.open(
      place,
      line,
      'no such setting here; docs/reference/settings.md has all that there are'
    )
}

type Carry = (value: string, migration: Migration, blocked: BlockedNames) => string | undefined

const CARRIED: Readonly<Record<string, Carry>> = {
  address: (value, { records }, blocked) => {
    const { names, rest } = slashed(value)
    if (names.length === 0) return 'an answer for all names: write a network with "block"'
    if (NOWHERE.includes(rest)) return first(names.map(name => blocked.add(name)))
    const address = canonicalAddress(rest)
    if (address === undefined) return 'not an address'
    const key = addressKey(address)
    return first(
      names.flatMap(name => [
        records.add(name, key, address),
        records.add(`*.${name}`, key, address)
      ])
    )
  },
  server: carryServer,
  local: carryServer,
  'rev-server': (value, migration) => {
    const [cidr = '', server = ''] = value.split(',')
    return forwardReverse(migration, cidr, server)
  },
  cname: (value, { records }) => {
    const parts = value.split(',').map(part => part.trim())
    const ttl = /^\d+$/.test(parts.at(-1) ?? '') ? Number(parts.pop()) : undefined
    const target = parts.pop() ?? ''
    return first(parts.map(name => records.add(name, 'cname', target, ttl)))
  },
  'host-record': (value, { records }) => {
    const parts = value
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== '')
    const ttl = /^\d+$/.test(parts.at(-1) ?? '') ? Number(parts.pop()) : undefined
    const addresses = parts.flatMap(part => canonicalAddress(part) ?? [])
    const names = parts.filter(part => canonicalAddress(part) === undefined)
    return first(
      names.flatMap(name =>
        addresses.map(address => records.add(name, addressKey(address), address, ttl))
      )
    )
  },
  'ptr-record': (value, { records }) => {
    const [name = '', target = ''] = value.split(',')
    return records.add(name, 'ptr', target)
  },
  'txt-record': (value, { records }) => {
    const [name = '', ...strings] = value.split(',')
    return records.add(
      name,
      'txt',
      strings.map(one => (one.startsWith('"') ? one : JSON.stringify(one))).join(' ')
    )
  },
  'mx-host': (value, { records }) => {
    const [name = '', target = '', preference = '1'] = value.split(',')
    return records.add(name, 'mx', `${preference} ${target}`)
  },
  'srv-host': (value, { records }) => {
    const [name = '', target = '', port = '1', priority = '0', weight = '0'] = value.split(',')
    return records.add(name, 'srv', `${priority} ${weight} ${port} ${target}`)
  }
}

function carryServer(value: string, migration: Migration): string | undefined {
  const { names, rest } = slashed(value)
  if (rest === '#')
    return 'names below a forwarded domain go there as well: give the domain a resolver that has them'
  if (rest === '' && names.length > 0)
    return first(names.map(name => migration.records.addZone(name, 'static')))
  const server = serverAt(rest)
  if (server === undefined) return 'not an address'
  for (const name of names.length === 0 ? ['.'] : names) addServers(migration, name, [server])
  return undefined
}

/** Forwards the reverse names of a prefix, and perhaps a domain, to a resolver. */
export function forwardReverse(
  migration: Migration,
  cidr: string,
  text: string,
  domain = ''
): string | undefined {
  const [server, zones] = [serverAt(text), reverseZones(cidr)]
  if (server === undefined) return `${text} is not an address`
  if (zones === undefined) return `${cidr}: name its reverse zones in upstreams.forward`
  for (const zone of domain === '' ? zones : [...zones, domain])
    addServers(migration, zone, [server])
  return undefined
}

/** `192.0.2.53#5353`. */
export function serverAt(text: string): string | undefined {
  const [address = '', port] = text.replace(/@.*$/, '').split('#')
  const known = canonicalAddress(address)
  return known === undefined
    ? undefined
    : endpoint(known, port === undefined ? undefined : Number(port))
}

/** `/a/b/value`. */
function slashed(value: string): { names: readonly string[]; rest: string } {
  if (!value.startsWith('/')) return { names: [], rest: value }
  const parts = value.slice(1).split('/')
  return { rest: parts.pop()!.trim(), names: parts.filter(name => name !== '') }
}

const first = (faults: readonly (string | undefined)[]): string | undefined =>
  faults.find(fault => fault !== undefined)
