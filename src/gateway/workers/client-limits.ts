import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Clock } from '../../base/time/clock.js'
import type { Prefix } from '../../base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../base/values/prefix-table.js'
import type { Config } from '../config/config.js'
import type { ServerCookies } from '../../wire/dns/edns/server-cookie.js'
import { ConnectionLimit } from '../../resolver/server/connection-limit.js'
import { CpuBudget, type CpuLimits, type ReportExcess } from '../../resolver/server/cpu-budget.js'
import {
  QueryLimit,
  type LimitCounts,
  type LimitOptions,
  type PrefixSet
} from '../../resolver/server/query-limit.js'
import { ResponseLimit } from '../../resolver/server/response-limit.js'
import type { Rate } from '../../resolver/server/token-buckets.js'
import { TrustedProxies } from '../../resolver/server/trusted-proxies.js'

/** The limits of one worker, shared by its listeners; undefined where the settings set none. */
export interface Limits {
  readonly queryLimit: QueryLimit | undefined
  readonly responseLimit: ResponseLimit | undefined
  readonly connectionLimit: ConnectionLimit
  readonly cpuBudget: CpuBudget
  readonly proxies: TrustedProxies | undefined
  /** Of these and earlier limits. */
  readonly counts: {
    readonly queries: LimitCounts
    readonly responses: LimitCounts
    readonly proxies: { rejected: number }
  }
}

/**
 * @param cookies undefined: server cookies are off
 * @param createBudget of CPU time, unless there is one
 * @param before whose counters and budget go on
 */
export function createLimits(
  config: Config,
  cookies: ServerCookies | undefined,
  createBudget: (limits: CpuLimits) => CpuBudget,
  before?: Limits
): Limits {
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
  const counts = before?.counts ?? {
    queries: { dropped: 0, slipped: 0 },
    responses: { dropped: 0, slipped: 0 },
    proxies: { rejected: 0 }
  }
  const cpuLimits = { share: limits.cpuShare, bits, exempt: options.exempt }
  before?.cpuBudget.configure(cpuLimits)
  return {
    queryLimit: countedBy(counts.queries, limit(QueryLimit, queriesPerSecond)),
    responseLimit: countedBy(counts.responses, limit(ResponseLimit, responsesPerSecond)),
    connectionLimit: new ConnectionLimit(tcp.maxConnectionsPerClient, options),
    cpuBudget: before?.cpuBudget ?? createBudget(cpuLimits),
    proxies: countedBy(counts.proxies, hasProxies ? new TrustedProxies(proxy, subnet) : undefined),
    counts
  }
}

/** Creates the budget of this thread. */
export function cpuBudgetOf(clock: Clock, report: ReportExcess): (limits: CpuLimits) => CpuBudget {
  let last = performance.eventLoopUtilization()
  const utilization = (): number => {
    const now = performance.eventLoopUtilization()
    const since = performance.eventLoopUtilization(now, last)
    last = now
    return since.utilization
  }
  return limits => new CpuBudget(limits, randomUint32(), clock, utilization, report)
}

function countedBy<Counts, L extends { counts: Counts }>(
  counts: Counts,
  limit: L | undefined
): L | undefined {
  if (limit !== undefined) limit.counts = counts
  return limit
}

/** A table that maps every address within one of the prefixes to 1, and any other to 0. */
function prefixesOf(prefixes: readonly Prefix[]): PrefixSet | undefined {
  if (prefixes.length === 0) return undefined
  return new PrefixTable(compilePrefixes(prefixes, covering => (covering.length > 0 ? 1 : 0)))
}

function randomUint32(): number {
  return randomInt(2 ** 32)
}
