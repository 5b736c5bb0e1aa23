import { networkInterfaces } from 'node:os'
import { readAddress, showAddress } from '../../base/address.js'
import { failure, failureAt, type InterdictError } from '../../base/error.js'
import type { Endpoint } from '../../udp/datagram.js'
import { DNS_PORT, showEndpoint } from './upstream.js'

/** Text of a file in the form of /etc/resolv.conf, and its path for messages. */
export type ResolvConf = { readonly file: string; readonly text: string }

export interface UpstreamSources {
  /** From the settings; where there are any, they count alone. */
  readonly configured: readonly Endpoint[]
  /** Undefined: not to be used, or not there. */
  readonly resolvConf: ResolvConf | undefined
  /** Where we listen ourselves. */
  readonly listen: readonly Endpoint[]
  /** Addresses of this machine: what a wildcard listens on. See `localAddresses`. */
  readonly localAddresses: readonly string[]
  /** Told of everything that is left out. */
  readonly warn: (warning: InterdictError) => void
}

/**
 * The upstreams to ask where no domain says otherwise. Never ourselves: a query would come back
 * to us for ever. Warns UPSTREAM_SELF, UPSTREAM_NAMESERVER, UPSTREAM_NONE.
 */
export function upstreamEndpoints(sources: UpstreamSources): readonly Endpoint[] {
  const { configured, resolvConf, warn } = sources
  const wanted =
    configured.length > 0 || resolvConf === undefined ? configured : nameservers(resolvConf, warn)
  const others = wanted.filter(endpoint => {
    const self = sources.listen.some(at => reaches(at, endpoint, sources.localAddresses))
    if (self) warn(failure('UPSTREAM_SELF', showEndpoint(endpoint)))
    return !self
  })
  if (others.length === 0) warn(failure('UPSTREAM_NONE'))
  return others
}

/**
 * Addresses in `nameserver` lines, port 53. Comments begin with `#` or `;` in the first column;
 * other keywords are for stub resolvers.
 *
 * @param warn takes UPSTREAM_NAMESERVER, with position, for lines without an address
 */
export function nameservers(
  { file, text }: ResolvConf,
  warn: (warning: InterdictError) => void
): readonly Endpoint[] {
  return text.split('\n').flatMap((line, index) => {
    const [, before, given = ''] = /^(\s*nameserver\s+)(\S+)/.exec(line) ?? []
    if (before === undefined) return []
    const address = parseScopedAddress(given)
    if (address !== undefined) return [{ address, port: DNS_PORT }]
    const position = { file, line: index + 1, column: before.length + 1 }
    warn(failureAt(position, 'UPSTREAM_NAMESERVER', given))
    return []
  })
}

/** Addresses of this machine's interfaces; link-local ones with their zone. */
export function localAddresses(): readonly string[] {
  return Object.entries(networkInterfaces()).flatMap(([zone, addresses = []]) =>
    addresses.map(({ address }) => (/^fe[89ab]/i.test(address) ? `${address}%${zone}` : address))
  )
}

/** The shortest text, with the zone if there was one (RFC 4007 §11); undefined: no address. */
function parseScopedAddress(text: string): string | undefined {
  const [, plain = '', zone = ''] = /^([^%]*)(%[\w.-]+)?$/.exec(text) ?? []
  try {
    return showAddress(readAddress(plain)) + zone
  } catch {
    return undefined
  }
}

/** Whether what is sent to `to` arrives at a socket of this machine that listens `at`. */
function reaches(at: Endpoint, to: Endpoint, local: readonly string[]): boolean {
  if (at.port !== to.port) return false
  if (isSame(at.address, to.address)) return true
  return (
    isWildcard(at.address) &&
    at.address.includes(':') === to.address.includes(':') &&
    (isAlwaysLocal(to.address) || local.some(address => isSame(address, to.address)))
  )
}

/** Two zones make two addresses; where one is not known, it may be the same. */
function isSame(a: string, b: string): boolean {
  const [plainA, zoneA] = a.split('%')
  const [plainB, zoneB] = b.split('%')
  if (zoneA !== undefined && zoneB !== undefined && zoneA !== zoneB) return false
  return showAddress(readAddress(plainA!)) === showAddress(readAddress(plainB!))
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

/** Loopback (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3); and what is sent to a wildcard goes there. */
function isAlwaysLocal(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || isWildcard(address)
}
