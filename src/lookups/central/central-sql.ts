import { identifier, LOOKUP_COLUMNS, quoted, quotedList } from '../sql/lookups-sql.js'
import { timeConditions, type TimeRange } from '../sql/time-range.js'
import { columnsOf, IS_COUNTED, TALLY_COLUMNS, type CountedBy } from '../sql/tally.js'

/** A client of one gateway: as the column `client`, without the name of the gateway. */
export const OWN_CLIENT = 'own_client'
/** The same address at two gateways is two clients. */
const ofGateway = (column: string): string => `gateway || '/' || ${column} AS ${column}`

/** As a client: the column `device` itself is what the gateway calls it, so that filters find it. */
export const DEVICE_OF_GATEWAY = `gateway || '/' || device`

/** Hive partitions become columns. */
const HIVE = `hive_partitioning = true, hive_types = {'day': DATE, 'gateway': VARCHAR}`

/**
 * SQL that selects the rows of files with these columns, `gateway` and `day`.
 *
 * @param isMixed a column that a file does not have is NULL; all files are opened beforehand. Otherwise all must have
 *   the columns of the first one, and those that conditions on `day` and `gateway` leave out are not opened
 */
function readCentral(
  files: readonly string[],
  columns: Readonly<Record<string, string>>,
  isMixed: boolean
): string {
  const typed = Object.entries(columns).map(([name, type]) => [identifier(name), type] as const)
  const none = typed.map(([name, type]) => `NULL::${type} AS ${name}`).join(', ')
  const own = `SELECT ${none}, NULL::VARCHAR AS gateway, NULL::DATE AS day WHERE false`
  const read = `read_parquet(${quotedList(files)}, union_by_name = ${isMixed}, ${HIVE})`
  const rows = files.length === 0 ? own : `${own} UNION ALL BY NAME SELECT * FROM ${read}`
  const casts = typed.map(([name, type]) => `${name}::${type} AS ${name}`).join(', ')
  return `SELECT gateway, day, ${casts} FROM (${rows})`
}

/** SQL that selects the lookups of a fleet: the columns of `lookups`, `gateway` and `day`. @param isMixed as `readCentral` */
export function selectCentral(files: readonly string[], which: string, isMixed = true): string {
  return `${readCentral(files, LOOKUP_COLUMNS, isMixed)} WHERE ${which}`
}

/** The same for reports: clients have the name of their gateway before them. */
export function selectForReports(files: readonly string[], which: string): string {
  return `SELECT * REPLACE (${ofGateway('client')}), coalesce(device, client) AS ${OWN_CLIENT}
    FROM (${selectCentral(files, which)})`
}

/** SQL that counts lookups, as tallies do. */
export function selectCentralCounts(
  files: readonly string[],
  by: CountedBy,
  period: TimeRange
): string {
  const conditions = [IS_COUNTED[by], ...timeConditions(period)].join(' AND ')
  return `SELECT gateway, ${columnsOf(by)}, ${OWN_CLIENT}, 1::BIGINT AS n, time AS first, time AS last
    FROM (SELECT * REPLACE (coalesce(${DEVICE_OF_GATEWAY}, client) AS client) FROM (${selectForReports(files, conditions)}))`
}

/** The same of lookups that are counted already. */
export function selectCentralTallies(files: readonly string[], by: CountedBy): string {
  return `SELECT gateway, ${columnsOf(by)}, ${OWN_CLIENT}, n, first, last FROM (
    SELECT * REPLACE (${ofGateway('client')}), client AS ${OWN_CLIENT}
    FROM (${readCentral(files, TALLY_COLUMNS, false)}) WHERE "by" = ${quoted(by)})`
}
