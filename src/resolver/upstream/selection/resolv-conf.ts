import { readAddress, showAddress } from '../../../base/values/address.js'
import { failure, failureAt, type InterdictError } from '../../../base/errors/error.js'
import type { Endpoint } from '../../../wire/sockets/datagram.js'
import { localAddresses } from '../../../wire/sockets/local-addresses.js'
import { DNS_PORT, showServer, type UpstreamServer } from '../../../wire/sockets/upstream-server.js'

/** Contents of a file in the format of /etc/resolv.conf, and its path for messages. */
export type ResolvConf = { readonly file: string; readonly text: string }

export interface UpstreamSources {
  /** From the settings; if there are any, resolv.conf is ignored. */
  readonly configured: readonly UpstreamServer[]
  /** Undefined: disabled, or no such file. */
  readonly resolvConf: ResolvConf | undefined
  /** Where this resolver listens. */
  readonly listen: readonly Endpoint[]
  /** Addresses of this machine, which a wildcard listens on. See `scopedAddresses`. */
  readonly localAddresses: readonly string[]
  /** Called for each upstream that is ignored. */
  readonly warn: (warning: InterdictError) => void
}

/**
 * The default upstreams. This resolver itself is left out, since a query would come back forever.
 * Warns UPSTREAM_SELF, UPSTREAM_NAMESERVER, UPSTREAM_NONE.
 */
export function upstreamEndpoints(sources: UpstreamSources): readonly UpstreamServer[] {
  const { configured, resolvConf, warn } = sources
  const candidates =
    configured.length > 0 || resolvConf === undefined ? configured : nameservers(resolvConf, warn)
  const others = candidates.filter(endpoint => {
    const isSelf = sources.listen.some(at => reaches(at, endpoint, sources.localAddresses))
    if (isSelf) warn(failure('UPSTREAM_SELF', showServer(endpoint)))
    return !isSelf
  })
  if (others.length === 0) warn(failure('UPSTREAM_NONE'))
  return others
}

/**
 * Addresses in `nameserver` lines, port 53. Comments begin with `#` or `;` in the first column;
 * other keywords are for stub resolvers.
 *
 * @param warn called with UPSTREAM_NAMESERVER, with position, for lines without an address
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
export function scopedAddresses(): readonly string[] {
  return localAddresses().map(({ address, interface: zone }) =>
    /^fe[89ab]/i.test(address) ? `${address}%${zone}` : address
  )
}

/** The shortest form, with the zone if there is one (RFC 4007 §11); undefined: not an address. */
function parseScopedAddress(text: string): string | undefined {
  const [, plain = '', zone = ''] = /^([^%]*)(%[\w.-]+)?$/.exec(text) ?? []
  try {
    return showAddress(readAddress(plain)) + zone
  } catch {
    return undefined
  }
}

/** Whether a query sent to `to` reaches a socket of this machine that listens on `at`. */
function reaches(at: Endpoint, to: Endpoint, local: readonly string[]): boolean {
  if (at.port !== to.port) return false
  if (isSame(at.address, to.address)) return true
  return (
    isWildcard(at.address) &&
    at.address.includes(':') === to.address.includes(':') &&
    (isAlwaysLocal(to.address) || local.some(address => isSame(address, to.address)))
  )
}

/** Different zones are different addresses; an address without zone may be in any. */
function isSame(a: string, b: string): boolean {
  const [plainA, zoneA] = a.split('%')
  const [plainB, zoneB] = b.split('%')
  if (zoneA !== undefined && zoneB !== undefined && zoneA !== zoneB) return false
  return showAddress(readAddress(plainA!)) === showAddress(readAddress(plainB!))
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

/** Loopback (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3), or a wildcard, which reaches loopback, too. */
function isAlwaysLocal(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || isWildcard(address)
}
