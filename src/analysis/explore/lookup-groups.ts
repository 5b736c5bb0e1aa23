import { ALL_LOOKUPS } from '../../lookups/sql/lookups-sql.js'
import { offsetAt } from '../../base/time/instant.js'
import { MS_PER_DAY, MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { timeConditions } from '../../lookups/sql/time-range.js'

/** What lookups are grouped by: the SQL expression of each key. */
const KEY_SQL = {
  app: 'app',
  list: 'list',
  ban: 'ban',
  network: 'network',
  client: 'coalesce(device, client)',
  name: 'qname',
  type: 'qtype',
  verdict: 'verdict',
  transport: 'protocol',
  // Neither has a space in front of the position.
  entry: `"pattern" || ' ' || source`
} as const

export type GroupKey = keyof typeof KEY_SQL
export const GROUP_KEYS = Object.keys(KEY_SQL) as readonly GroupKey[]

/** More would be more than a chart can show, and bounds the response together with the number of groups. */
const MAX_BUCKETS = 400
const GOOD_BUCKETS = 180
const WIDTHS: readonly Seconds[] = [
  ...[60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 86_400],
  ...[7 * 86_400, 28 * 86_400, 364 * 86_400]
]

export interface GroupsQuery {
  readonly since: Milliseconds
  readonly until: Milliseconds
  readonly by: GroupKey
  /** SQL conditions of the filters. */
  readonly conditions: readonly string[]
  /** Whether lookups of the gateway itself count. */
  readonly probes: boolean
  readonly top: number
  /** At least; undefined: as the period needs. */
  readonly width: Seconds | undefined
  /** Days and hours begin as in this zone. */
  readonly timeZone: string
}

/** Where the buckets of a chart begin, and how long each is. */
export interface Buckets {
  readonly start: Milliseconds
  readonly width: Seconds
  readonly count: number
}

/** Buckets that begin at whole hours and days of the zone, at most 400 of them. */
export function bucketsOf({
  since,
  until,
  width: wanted,
  timeZone
}: Pick<GroupsQuery, 'since' | 'until' | 'width' | 'timeZone'>): Buckets {
  const most = wanted === undefined ? GOOD_BUCKETS : MAX_BUCKETS
  const fits = (width: Seconds): boolean => (until - since) / MS_PER_SECOND / width < most
  const width =
    wanted !== undefined && fits(wanted) ? wanted : (WIDTHS.find(fits) ?? WIDTHS.at(-1)!)
  const ahead = offsetAt(since, timeZone)
  const step = width * MS_PER_SECOND
  // Weeks begin on Monday; 1 January 1970 was a Thursday.
  const shift = ahead + (width % (7 * 86_400) === 0 ? 3 * MS_PER_DAY : 0)
  const start = Math.floor((since + shift) / step) * step - shift
  return { start, width, count: Math.max(1, Math.ceil((until - start) / step)) }
}

const SUMS = `count(*) AS lookups, count(*) FILTER (verdict = 'blocked') AS blocked,
  count(*) FILTER (verdict = 'monitored') AS monitored, count(*) FILTER (verdict = 'allowed') AS allowed,
  count(DISTINCT who) AS clients, count(DISTINCT qname) AS names,
  epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last`

/** One SELECT: totals, the largest groups, and both by bucket. DuckDB spills what does not fit into its memory. */
export function groupsSql(query: GroupsQuery, { start, width }: Buckets): string {
  const { by, since, until, conditions, probes, top } = query
  const from = probes ? ALL_LOOKUPS : 'lookups'
  const where = [...timeConditions({ since, until }), ...conditions].join(' AND ')
  return `WITH found AS NOT MATERIALIZED (
    SELECT ${KEY_SQL[by]} AS key, coalesce(device, client) AS who, qname, verdict, time,
      ((epoch_ms(time) - (${start})) // ${width * MS_PER_SECOND})::INTEGER AS bucket, privacy
    FROM ${from} WHERE ${where}),
  best AS MATERIALIZED (SELECT key FROM (SELECT key, count(*) AS n FROM found
    WHERE key IS NOT NULL GROUP BY key ORDER BY n DESC, key LIMIT ${top})),
  marked AS NOT MATERIALIZED (SELECT found.* REPLACE (best.key AS key), found.key IS NULL AS lacks
    FROM found LEFT JOIN best ON found.key = best.key)
  SELECT grouping(key, bucket) AS level, key, bucket, ${SUMS},
    count(*) FILTER (lacks) AS without, string_agg(DISTINCT privacy, ' ') AS privacy
  FROM marked GROUP BY GROUPING SETS ((), (key), (key, bucket))`
}

interface Sums {
  readonly lookups: number
  readonly blocked: number
  readonly monitored: number
  readonly allowed: number
  readonly clients: number
  readonly names: number
}

export interface GroupTotals extends Sums {
  /** RFC 3339; null: no lookup. */
  readonly first: string | null
  readonly last: string | null
}

export interface LookupGroup extends GroupTotals {
  readonly key: string
  /** Lookups in each bucket. */
  readonly counts: readonly number[]
}

export interface LookupGroups {
  readonly since: string
  readonly until: string
  /** Where the first bucket begins; each is so many seconds long. */
  readonly start: string
  readonly width: Seconds
  readonly all: GroupTotals & {
    readonly counts: readonly number[]
    readonly blockedCounts: readonly number[]
  }
  /** The largest first. */
  readonly groups: readonly LookupGroup[]
  /** Lookups that have no value for the key. */
  readonly without: number
  /** How clients are written that are not logged in full: `prefix`, `pseudonym`, `none`. */
  readonly privacy: readonly string[]
}

/** Bits of `level`: the column is not grouped by. */
const [BY_BUCKET, BY_KEY, ALL] = [0, 1, 3]

interface Row extends Sums {
  readonly level: number
  readonly key: string | null
  readonly bucket: number | null
  readonly without: number
  readonly first: number | null
  readonly last: number | null
  readonly privacy: string | null
}

const NOTHING: Row = {
  ...{ level: ALL, key: null, bucket: null, without: 0, privacy: null, first: null, last: null },
  ...{ lookups: 0, blocked: 0, monitored: 0, allowed: 0, clients: 0, names: 0 }
}

export function readGroups(
  rows: readonly Readonly<Record<string, unknown>>[],
  { since, until }: Pick<GroupsQuery, 'since' | 'until'>,
  { start, width, count }: Buckets
): LookupGroups {
  const all = rows as unknown as readonly Row[]
  const counted = all.filter(({ level }) => level === BY_BUCKET)
  const sumOf = (values: readonly Row[], column: 'lookups' | 'blocked'): number[] => {
    const counts = Array<number>(count).fill(0)
    for (const row of values) counts[row.bucket!]! += row[column]
    return counts
  }
  const total = all.find(({ level }) => level === ALL) ?? NOTHING
  const groups = all
    .filter(({ level, key }) => level === BY_KEY && key !== null)
    .map((row): LookupGroup => {
      const own = counted.filter(({ key }) => key === row.key)
      return { key: row.key!, ...totalsOf(row), counts: sumOf(own, 'lookups') }
    })
    .sort((a, b) => b.lookups - a.lookups || (a.key < b.key ? -1 : 1))
  return {
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    start: new Date(start).toISOString(),
    width,
    all: {
      ...totalsOf(total),
      counts: sumOf(counted, 'lookups'),
      blockedCounts: sumOf(counted, 'blocked')
    },
    groups,
    without: total.without,
    privacy: total.privacy?.split(' ').sort() ?? []
  }
}

function totalsOf(row: Row): GroupTotals {
  const { lookups, blocked, monitored, allowed, clients, names, first, last } = row
  const time = (at: number | null): string | null =>
    at === null ? null : new Date(at).toISOString()
  return {
    ...{ lookups, blocked, monitored, allowed, clients, names },
    ...{ first: time(first), last: time(last) }
  }
}
