import type { Log } from '../log.js'
import { conditionOf, type Filters } from '../questions/selection.js'

/** How many lookups of some clients were blocked. @param clients as the log writes them */
export async function blockedLookups(
  log: Log,
  filters: Filters,
  clients: readonly string[]
): Promise<ReadonlyMap<string, number>> {
  if (clients.length === 0) return new Map()
  const { sql, parameters } = conditionOf(filters)
  // Each lookup: counts by day are by device, and of whole days.
  const rows = await log.rows<{ client: string; n: number }>(
    `SELECT client, count(*) AS n FROM ${log.lookups(filters)}
    WHERE ${sql} AND verdict = 'blocked' AND client IN (${clients.map((_, i) => `$one${i}`).join(', ')})
    GROUP BY client`,
    { ...parameters, ...Object.fromEntries(clients.map((client, i) => [`one${i}`, client])) }
  )
  return new Map(rows.map(({ client, n }) => [client, n]))
}
