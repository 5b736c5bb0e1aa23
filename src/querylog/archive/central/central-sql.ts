import { MS_PER_DAY } from '../../../base/units.js'
import { identifier, IS_NO_PROBE, LOOKUP_COLUMNS, NO_ROWS, quotedList } from '../lookups-sql.js'
import { timeConditions, type TimeRange } from '../tallies/select-counts.js'
import { columnsOf, IS_COUNTED, type CountedBy } from '../tallies/tally.js'
import type { CentralFiles } from './central-files.js'

/** Hive partitions become columns. */
const HIVE = `hive_partitioning = true, hive_types = {'day': DATE, 'gateway': VARCHAR}`

/** Together they identify a client, as the column `client` with its gateway does, and are not made up for each lookup. */
export const CENTRAL_CLIENT = ['own_client', 'gateway'] as const
/** The same address at two gateways is two clients. */
const ownClient = (column: string): string => `gateway || '/' || ${column}`

/**
 * SQL that selects the lookups of a fleet: the columns of `lookups`, and `gateway` and `day`.
 *
 * @param named whether clients have the name of their gateway before them, for reports
 * @param which SQL condition; by default all but probes
 */
export function selectCentral(
  files: readonly string[],
  named: boolean,
  which = IS_NO_PROBE
): string {
  const columns = Object.entries(LOOKUP_COLUMNS).map(([field, type]) => {
    const column = identifier(field)
    const isClient = named && (field === 'client' || field === 'device')
    return `${isClient ? ownClient(column) : column}::${type} AS ${column}`
  })
  if (named) columns.push(`coalesce(device, client) AS ${CENTRAL_CLIENT[0]}`)
  const own = `(SELECT *, NULL::VARCHAR AS gateway, NULL::DATE AS day FROM (${NO_ROWS}))`
  const read =
    files.length === 0
      ? ''
      : ` UNION ALL BY NAME SELECT * FROM read_parquet(${quotedList(files)}, union_by_name = true, ${HIVE})`
  return `SELECT gateway, day, ${columns.join(', ')} FROM (SELECT * FROM ${own}${read}) WHERE ${which}`
}

/** As `selectCounts`, over a fleet, with the column `gateway`. */
export function selectCentralCounts(
  by: CountedBy,
  period: TimeRange,
  { parts }: CentralFiles
): string {
  const { since = -Infinity, until = Infinity } = period
  const tallies: string[] = []
  const others: string[] = []
  for (const { day, tally, parquet } of parts) {
    const start = Date.parse(day)
    const end = start + MS_PER_DAY
    if (end <= since || start >= until) continue
    if (tally !== undefined && start >= since && end <= until) tallies.push(tally)
    else if (parquet !== undefined) others.push(parquet)
  }
  const columns = `${columnsOf(by)}, ${CENTRAL_CLIENT[0]}`
  const rest = `SELECT gateway, ${columns}, 1::BIGINT AS n, time AS first, time AS last
    FROM (SELECT * REPLACE (coalesce(device, client) AS client) FROM (${selectCentral(others, true)}))
    WHERE ${[IS_COUNTED[by], ...timeConditions(period)].join(' AND ')}`
  if (tallies.length === 0) return rest
  return `SELECT gateway, ${columns}, n, first, last FROM (
      SELECT * REPLACE (${ownClient('client')} AS client), client AS ${CENTRAL_CLIENT[0]}
      FROM read_parquet(${quotedList(tallies)}, ${HIVE}) WHERE "by" = '${by}')
    UNION ALL ${rest}`
}
