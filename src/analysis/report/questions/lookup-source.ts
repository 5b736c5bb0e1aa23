import { DEVICE_OF_GATEWAY } from '../../../lookups/central/central-sql.js'
import { filterConditions } from '../../../lookups/sql/filter-condition.js'
import type { CountedBy, Log, Selected } from '../log.js'
import { conditionOf, type Condition, type Filters } from './selection.js'

/** A FROM clause for lookups or tallies, and the WHERE condition for it. */
export interface Source extends Condition {
  /** SQL with the columns `n`, `first` and `last`. */
  readonly from: string
}

/**
 * SQL source of lookups in which a recognized client counts under its name, whatever its address. A selection by prefix
 * is by the address.
 */
export function byDevice(log: Log, selected: Selected & Pick<Filters, 'clients'>): string {
  return withDevices(log, log.lookups(selected), selected)
}

/** The same of answers that were validated for networks with `dnssec: observe`. */
export function byObservation(log: Log, selected: Selected & Pick<Filters, 'clients'>): string {
  return withDevices(log, log.observed(selected), selected)
}

function withDevices(log: Log, lookups: string, { clients }: Pick<Filters, 'clients'>): string {
  const { within, ofFleet = false } = clients ?? {}
  const device = log.gateways.includes(undefined) ? 'device' : DEVICE_OF_GATEWAY
  const rows = `SELECT * REPLACE (coalesce(${device}, client) AS client) FROM`
  if (within === undefined) return `(${rows} ${lookups})`
  const where = filterConditions({ client: [within] }).join()
  if (!ofFleet) return `(${rows} ${lookups} WHERE ${where})`
  // The name of the gateway is before the address.
  const own = `SELECT *, client AS fleet_client FROM ${lookups}`
  const addressed = `SELECT * REPLACE (substr(client, strpos(client, '/') + 1) AS client) FROM (${own})`
  return `(SELECT * EXCLUDE (fleet_client) REPLACE (coalesce(${device}, fleet_client) AS client)
    FROM (${addressed}) WHERE ${where})`
}

/**
 * The tallies for a selection if they can answer it; otherwise each lookup.
 *
 * @param by undefined if the question needs a column that tallies do not have
 */
export function sourceOf(log: Log, selection: Filters, by: CountedBy | undefined): Source {
  if (by === undefined || !hasTally(by, selection)) {
    // Every column, one row for each lookup.
    const each = `SELECT *, 1::BIGINT AS n, time AS first, time AS last FROM ${byDevice(log, selection)}`
    return { from: `(${each})`, ...conditionOf(selection) }
  }
  const { since, until, ...rest } = selection
  const { gateway } = rest
  return { from: `(${log.selectCounts(by, { since, until, gateway })})`, ...conditionOf(rest) }
}

/**
 * The same for each gateway of a fleet by itself; otherwise for the log. A client is of one gateway, and to group its
 * lookups alone takes a third of the time that grouping by gateway and client does.
 */
export function sourcesByGateway(
  log: Log,
  selection: Filters,
  by: CountedBy | undefined
): readonly Source[] {
  const { gateway: only } = selection
  const gateways = log.gateways.filter(one => only === undefined || one === only)
  const { sql, parameters } = sourceOf(log, selection, by)
  return gateways.map(gateway => {
    return { from: sourceOf(log, { ...selection, gateway }, by).from, sql, parameters }
  })
}

/** A client alias can be valid for part of a day, and tallies are of whole days. */
function hasTally(by: CountedBy, { clients, name, all, others }: Filters): boolean {
  if (clients !== undefined || filterConditions(others ?? {}).length > 0) return false
  return by === 'name' ? all !== true : name === undefined
}
