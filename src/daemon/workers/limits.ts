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

/** The limits of one thread, which its listeners share; undefined where the settings have none. */
export interface Limits {
  readonly queryLimit: QueryLimit | undefined
  readonly responseLimit: ResponseLimit | undefined
  readonly connectionLimit: ConnectionLimit
  readonly proxies: TrustedProxies | undefined
}

/** @param cookies undefined: clients have none of ours */
export function createLimits(config: Config, cookies: ServerCookies | undefined): Limits {
  const { limits, tcp, frontEnds } = config
  const proxy = prefixesOf(frontEnds.proxyProtocol)
  const subnet = prefixesOf(frontEnds.clientSubnet)
  const listed = proxy !== undefined || subnet !== undefined
  const { queriesPerSecond, responsesPerSecond, burst, slip, bits } = limits
  const terms = { bits, slip, exempt: prefixesOf(limits.exempt) }
  /** Makes a limit of this rate, unless it is 0. */
  const limit = <L>(
    Limit: new (rate: Rate, terms: LimitOptions, seed: number, cookies?: ServerCookies) => L,
    perSecond: number
  ): L | undefined =>
    perSecond === 0 ? undefined : new Limit({ perSecond, burst }, terms, randomWord(), cookies)
  return {
    queryLimit: limit(QueryLimit, queriesPerSecond),
    responseLimit: limit(ResponseLimit, responsesPerSecond),
    connectionLimit: new ConnectionLimit(tcp.maxConnectionsPerClient, terms),
    proxies: listed ? new TrustedProxies(proxy, subnet) : undefined
  }
}

/** A table that says 1 for what is in one of the prefixes. */
function prefixesOf(prefixes: readonly Prefix[]): PrefixSet | undefined {
  if (prefixes.length === 0) return undefined
  return new PrefixTable(compilePrefixes(prefixes, covering => (covering.length > 0 ? 1 : 0)))
}

/** 32 bits. */
function randomWord(): number {
  return randomInt(2 ** 32)
}
