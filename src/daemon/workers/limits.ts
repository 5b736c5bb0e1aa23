import { randomInt } from 'node:crypto'
import type { Prefix } from '../../base/address.js'
import { compilePrefixes, PrefixTable } from '../../base/prefix-table.js'
import type { Config } from '../../config/config.js'
import type { ServerCookies } from '../../dns/edns/server-cookie.js'
import { ConnectionLimit } from '../../server/connection-limit.js'
import { QueryLimit, type LimitOptions, type PrefixSet } from '../../server/query-limit.js'
import { ResponseLimit } from '../../server/response-limit.js'
import type { Rate } from '../../server/token-buckets.js'
import { TrustedProxies } from '../../server/trusted-proxies.js'

/** The limits of one worker, shared by its listeners; undefined where the settings set none. */
export interface Limits {
  readonly queryLimit: QueryLimit | undefined
  readonly responseLimit: ResponseLimit | undefined
  readonly connectionLimit: ConnectionLimit
  readonly proxies: TrustedProxies | undefined
}

/** @param cookies undefined: server cookies are off */
export function createLimits(config: Config, cookies: ServerCookies | undefined): Limits {
  const { limits, tcp, frontEnds } = config
  const proxy = prefixesOf(frontEnds.proxyProtocol)
  const subnet = prefixesOf(frontEnds.clientSubnet)
  const hasProxies = proxy !== undefined || subnet !== undefined
  const { queriesPerSecond, responsesPerSecond, burst, slip, bits } = limits
  const options = { bits, slip, exempt: prefixesOf(limits.exempt) }
  /** Undefined for a rate of 0, which means no limit. */
  const limit = <L>(
    Limit: new (rate: Rate, options: LimitOptions, seed: number, cookies?: ServerCookies) => L,
    perSecond: number
  ): L | undefined =>
    perSecond === 0 ? undefined : new Limit({ perSecond, burst }, options, randomUint32(), cookies)
  return {
    queryLimit: limit(QueryLimit, queriesPerSecond),
    responseLimit: limit(ResponseLimit, responsesPerSecond),
    connectionLimit: new ConnectionLimit(tcp.maxConnectionsPerClient, options),
    proxies: hasProxies ? new TrustedProxies(proxy, subnet) : undefined
  }
}

/** A table that maps every address within one of the prefixes to 1, and any other to 0. */
function prefixesOf(prefixes: readonly Prefix[]): PrefixSet | undefined {
  if (prefixes.length === 0) return undefined
  return new PrefixTable(compilePrefixes(prefixes, covering => (covering.length > 0 ? 1 : 0)))
}

function randomUint32(): number {
  return randomInt(2 ** 32)
}
