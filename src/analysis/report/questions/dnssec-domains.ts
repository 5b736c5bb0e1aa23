import type { Log } from '../log.js'
import { column, type Table } from '../report.js'
import { dnssecFix } from './dnssec-fix.js'
import { domainSql, suffixesSql } from './registrable-sql.js'

interface Domain {
  readonly domain: string
  readonly reason: string | null
  readonly ede: number
  readonly contact: string | null
  readonly failed: number
  readonly names: number
  readonly clients: number
  readonly last: Date
  readonly total: number
  readonly [column: string]: string | number | Date | null
}

/** A FROM clause, a condition, and the values of its parameters. */
export interface ObservedSource {
  readonly from: string
  readonly where: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface FailingDomains {
  readonly table: Table
  /** Rows that `top` leaves out. */
  readonly hidden: number
  /** Number of all. */
  readonly domains: number
}

/** Domains with answers that would fail: a row for each extended error. @param failed SQL condition */
export async function domainsTable(
  log: Log,
  { from, where, parameters }: ObservedSource,
  failed: string,
  top: number
): Promise<FailingDomains> {
  const condition = `${where} AND ${failed}`
  const ends = await log.rows<{ suffix: string }>(suffixesSql(condition, from), parameters)
  const domain = domainSql(ends.map(({ suffix }) => suffix))
  const found = `SELECT *, ${domain} AS domain FROM ${from} WHERE ${condition}`
  const rows = await log.rows<Domain>(
    `SELECT domain, ede, count(*) AS failed, count(DISTINCT qname) AS names,
      count(DISTINCT client) AS clients, max(time) AS last,
      arg_max(dnssecReason, time) AS reason, arg_max(dnssecContact, time) AS contact,
      count(*) OVER () AS total
    FROM (${found}) GROUP BY domain, ede ORDER BY failed DESC, domain, ede LIMIT $top`,
    { ...parameters, top }
  )
  const [all] = await log.rows<{ n: number }>(
    `SELECT count(DISTINCT domain) AS n FROM (${found})`,
    parameters
  )
  const table: Table = {
    id: 'domains',
    title: 'Domains that would fail',
    description:
      'Names of these domains would not resolve under enforcement, as far as the sample shows. The reason is the latest one.',
    emptyText: 'None in the sample.',
    columns: [
      column('domain', 'text'),
      column('failed', 'count', 'would fail'),
      column('names', 'count'),
      column('clients', 'count'),
      column('ede', 'count', 'error'),
      column('reason', 'text'),
      column('fix', 'text', 'whom to call'),
      column('last', 'time')
    ],
    rows: rows.map(row => {
      const { failed, names, clients, ede, contact, last } = row
      const reason = row.reason ?? ''
      const fix = dnssecFix({ ede, reason, contact })
      return [row.domain, failed, names, clients, ede, reason, fix, last]
    })
  }
  const total = rows[0]?.total ?? 0
  return { table, hidden: total - rows.length, domains: all?.n ?? 0 }
}
