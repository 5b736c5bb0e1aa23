import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import { timeConditions } from '../../lookups/sql/time-range.js'

/** The log must reach so far back: otherwise much is new that is not. */
export const MIN_HISTORY: Milliseconds = 7 * MS_PER_DAY
const MAX_FOUND = 100

/** A domain that no earlier lookup of the log has. */
export interface NewDomain {
  readonly domain: string
  readonly lookups: number
  readonly blocked: number
  readonly clients: number
  readonly names: number
  readonly first: string
  readonly last: string
  /** One that asked for it first; null: the log has no client. */
  readonly client: string | null
}

/** When the log begins, and whether it has lookups of the period that no rule matched. */
export function reachSql(since: Milliseconds, until: Milliseconds): string {
  const within = timeConditions({ since, until }).join(' AND ')
  return `SELECT epoch_ms(min(time)) AS first,
    count(*) FILTER (${within} AND verdict NOT IN ('blocked', 'monitored', 'allowed')) AS others
    FROM lookups`
}

/**
 * Domains of the period that the log has not had before it. The log itself is the memory: exact, as far back as it is
 * kept, and nothing to hold while queries are answered.
 */
export function newDomainsSql(since: Milliseconds, until: Milliseconds, domain: string): string {
  const isName = `NOT ends_with(qname, '.arpa') AND rcode IS DISTINCT FROM 'NXDOMAIN'`
  return `WITH now AS MATERIALIZED (SELECT ${domain} AS domain, count(*) AS lookups,
    count(*) FILTER (verdict = 'blocked') AS blocked, count(DISTINCT coalesce(device, client)) AS clients,
    count(DISTINCT qname) AS names, epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last,
    arg_min(coalesce(device, client), time) AS client
    FROM lookups WHERE ${timeConditions({ since, until }).join(' AND ')} AND ${isName} GROUP BY 1)
  SELECT now.* FROM now ANTI JOIN (SELECT DISTINCT ${domain} AS domain FROM lookups
    WHERE ${timeConditions({ until: since }).join(' AND ')}) AS earlier ON now.domain = earlier.domain
  ORDER BY clients DESC, lookups DESC, domain LIMIT ${MAX_FOUND + 1}`
}

export interface NewDomains {
  /** False: the log does not reach back far enough, or has no lookups that no rule matched. */
  readonly known: boolean
  readonly more: boolean
  readonly items: readonly NewDomain[]
}

export function readNewDomains(rows: readonly Readonly<Record<string, unknown>>[]): NewDomains {
  type Row = Omit<NewDomain, 'first' | 'last'> & { readonly first: number; readonly last: number }
  const items = (rows as unknown as readonly Row[])
    .slice(0, MAX_FOUND)
    .map(({ domain, lookups, blocked, clients, names, first, last, client }): NewDomain => ({
      ...{ domain, lookups, blocked, clients, names, client },
      ...{ first: new Date(first).toISOString(), last: new Date(last).toISOString() }
    }))
  return { known: true, more: rows.length > MAX_FOUND, items }
}
