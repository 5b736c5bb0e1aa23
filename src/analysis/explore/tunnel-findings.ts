import { timeConditions, type TimeRange } from '../../lookups/sql/time-range.js'

/**
 * DNS tunnels, found by what they must do: put data into names, each of which is asked for once. A domain of one client
 * is reported if at least `names` different names of it were asked for, seldom twice, in a busy minute at least `perMinute`,
 * and enough of five signals are there. The size of answers would be another, but the query log does not have it.
 */
export const TUNNEL_LIMITS = {
  names: 60,
  /** Different names per lookup. */
  share: 0.6,
  perMinute: 8,
  /** Different names in the busiest minute, of one domain and client. */
  rate: 50,
  /** Share of types that carry data and that few clients ask for. */
  types: 0.5,
  /** Characters in front of the domain, in the busiest minute. */
  octets: 1_500,
  /** Bits per character of a name, the mean of a sample. */
  entropy: 3.2,
  /** Characters in front of the domain: the mean, or the longest. */
  meanLength: 30,
  longest: 100
} as const

/** Types whose answers carry much or any data. PRIVATE of iodine is TYPE65399. */
const DATA_TYPES = ['TXT', 'NULL', 'CNAME', 'MX', 'SRV', 'KEY', 'TYPE65399']
const MAX_FOUND = 100
const SAMPLE = 40
const SHOWN = 3

export const SIGNALS = ['types', 'rate', 'octets', 'entropy', 'length'] as const
export type Signal = (typeof SIGNALS)[number]

export interface TunnelFinding {
  /** Null: the log has no client. */
  readonly client: string | null
  readonly network: string | null
  readonly domain: string
  readonly lookups: number
  readonly blocked: number
  /** Different ones. */
  readonly names: number
  /** Of the busiest minute. */
  readonly namesPerMinute: number
  readonly octetsPerMinute: number
  readonly meanLength: number
  readonly longest: number
  readonly entropy: number
  /** Lookups by query type, the most frequent first. */
  readonly types: readonly { readonly type: string; readonly lookups: number }[]
  readonly first: string
  readonly last: string
  readonly signals: readonly Signal[]
  /** Some names. */
  readonly samples: readonly string[]
}

/** Names in front of a domain; reverse names are made from addresses. */
const FOUND = `SELECT coalesce(device, client) AS who, network, qname, qtype, verdict, time, domain,
  qname[1:greatest(0, length(qname) - length(domain) - 1)] AS sub`

/**
 * Domains of clients with many names. DuckDB counts them roughly first, so that what is counted exactly is little.
 *
 * @param domain SQL of the registrable domain of `qname`
 */
export function tunnelSql(period: TimeRange, domain: string): string {
  const { names } = TUNNEL_LIMITS
  const where = [...timeConditions(period), `NOT ends_with(qname, '.arpa')`].join(' AND ')
  return `WITH found AS NOT MATERIALIZED (${FOUND} FROM (SELECT *, ${domain} AS domain FROM lookups WHERE ${where})),
  many AS MATERIALIZED (SELECT who, domain FROM found GROUP BY ALL
    HAVING approx_count_distinct(qname) >= ${Math.floor(names * 0.7)}),
  own AS MATERIALIZED (SELECT found.* FROM found JOIN many
    ON found.domain = many.domain AND found.who IS NOT DISTINCT FROM many.who),
  subs AS (SELECT who, domain, sub FROM own WHERE sub <> '' GROUP BY ALL),
  named AS (SELECT who, domain, count(*) AS names, avg(length(sub)) AS mean, max(length(sub)) AS longest,
    to_json(arg_min(sub, hash(sub), ${SAMPLE})) AS sample FROM subs GROUP BY ALL HAVING names >= ${names}),
  busy AS (SELECT who, domain, max(octets) AS octets, max(names) AS names FROM (
    SELECT who, domain, epoch_ms(time) // 60000 AS minute, sum(length(sub)) AS octets,
      count(DISTINCT sub) AS names FROM own GROUP BY ALL) GROUP BY ALL),
  sums AS (SELECT who, domain, max(network) AS network, count(*) AS lookups,
    count(*) FILTER (verdict = 'blocked') AS blocked, to_json(histogram(qtype)) AS types,
    epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last FROM own GROUP BY ALL)
  SELECT sums.*, named.names, mean, longest, sample, busy.octets::BIGINT AS octets, busy.names AS busiest
  FROM sums JOIN named ON sums.domain = named.domain AND sums.who IS NOT DISTINCT FROM named.who
  JOIN busy ON sums.domain = busy.domain AND sums.who IS NOT DISTINCT FROM busy.who
  ORDER BY named.names DESC, sums.domain LIMIT 1000`
}

interface Row {
  readonly who: string | null
  readonly network: string | null
  readonly domain: string
  readonly lookups: number
  readonly blocked: number
  readonly names: number
  readonly mean: number
  readonly longest: number
  readonly octets: number
  readonly busiest: number
  readonly first: number
  readonly last: number
  /** JSON. */
  readonly types: string
  readonly sample: string
}

/** Those that look like tunnels, the most names first. */
export function readTunnels(rows: readonly Readonly<Record<string, unknown>>[]): TunnelFinding[] {
  return (rows as unknown as readonly Row[]).map(findingOf).filter(isTunnel).slice(0, MAX_FOUND)
}

function findingOf(row: Row): TunnelFinding {
  const { who: client, network, domain, lookups, blocked, names, mean, longest } = row
  const samples = (JSON.parse(row.sample) as string[]).sort()
  const types = Object.entries(JSON.parse(row.types) as Record<string, number>)
    .map(([type, count]) => ({ type, lookups: count }))
    .sort((a, b) => b.lookups - a.lookups || (a.type < b.type ? -1 : 1))
  const entropy = samples.reduce((sum, one) => sum + entropyOf(one), 0) / samples.length
  const finding = {
    ...{ client, network, domain, lookups, blocked, names, longest, entropy, types },
    ...{ namesPerMinute: row.busiest, octetsPerMinute: row.octets, meanLength: mean },
    ...{ first: new Date(row.first).toISOString(), last: new Date(row.last).toISOString() },
    samples: samples.slice(0, SHOWN).map(sub => `${sub}.${domain}`)
  }
  return { ...finding, signals: signalsOf(finding) }
}

type Features = Pick<
  TunnelFinding,
  'types' | 'lookups' | 'namesPerMinute' | 'octetsPerMinute' | 'entropy' | 'meanLength' | 'longest'
>

function signalsOf(features: Features): Signal[] {
  const { types, lookups, namesPerMinute, octetsPerMinute } = features
  const { entropy, meanLength, longest } = features
  const limits = TUNNEL_LIMITS
  const data = types
    .filter(({ type }) => DATA_TYPES.includes(type))
    .reduce((sum, one) => sum + one.lookups, 0)
  const has: Readonly<Record<Signal, boolean>> = {
    types: data / lookups >= limits.types,
    rate: namesPerMinute >= limits.rate,
    octets: octetsPerMinute >= limits.octets,
    entropy: entropy >= limits.entropy,
    length: meanLength >= limits.meanLength || longest >= limits.longest
  }
  return SIGNALS.filter(signal => has[signal])
}

/** Long random names alone are also those of virus scanners and of content networks. */
function isTunnel({ names, lookups, namesPerMinute, signals }: TunnelFinding): boolean {
  const { share, perMinute } = TUNNEL_LIMITS
  const needed = signals.includes('types') ? 2 : 3
  return names / lookups >= share && namesPerMinute >= perMinute && signals.length >= needed
}

/** Shannon entropy of the characters of a name without its dots, in bits per character. */
export function entropyOf(name: string): number {
  const characters = Array.from(name.replaceAll('.', ''))
  const counts = new Map<string, number>()
  for (const one of characters) counts.set(one, (counts.get(one) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => {
    const share = count / characters.length
    return sum - share * Math.log2(share)
  }, 0)
}
