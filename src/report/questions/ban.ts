import type { Log } from '../log.js'
import { column, type Fact, type Report, type Table, type Value } from '../report.js'
import { sourceOf } from './counted.js'
import { generations } from './generations.js'
import { NOTHING, periodFacts, sumFacts } from './overview.js'
import { conditionOf, type Selection } from './selection.js'
import { tallyTable } from './tables.js'
import { sums, tally, type Tally } from './tally.js'

/** What the rules say of a ban, where there are rules. */
export interface BanFacts {
  /** Authority, legal basis, term: a line for each. */
  readonly facts: readonly Fact[]
  /** Every network, and what it has of the ban: `enforced`, `on trial`, `not banned`. */
  readonly networks: ReadonlyMap<string, string>
  /** Exceptions to what it bans, with who approved them, why and until when. */
  readonly exceptions: ReadonlyMap<string, string>
}

/**
 * `interdict report ban ID`: the evidence that one ban is enforced, where, and with what gaps.
 *
 * @param proof whether the log is as it was written
 */
export async function banReport(
  log: Log,
  id: string,
  selection: Selection,
  rules: BanFacts | undefined,
  top: number,
  proof: Fact
): Promise<Report> {
  const ofBan = { ...selection, ban: id }
  const all = await sums(log, ofBan)
  const networks = await tally(log, 'network', ofBan, 1000)
  return {
    title: `Evidence for the ban ${id}`,
    facts: [...(rules?.facts ?? []), ...periodFacts(selection, all), ...sumFacts(all), proof],
    tables: [
      coverage(networks, rules),
      await tallyTable(log, { ...COURSE, top }, ofBan),
      await tallyTable(log, { ...NAMES, top }, ofBan),
      await tallyTable(log, { ...MATCHES, top }, ofBan),
      await exceptions(log, id, selection, rules),
      await generations(log, ofBan)
    ],
    remarks: rules === undefined ? ['The rules could not be read: what they say is left out.'] : []
  }
}

const COURSE = {
  by: 'day',
  id: 'days',
  title: 'Attempts over time',
  says: 'How many lookups of banned names there were on each day, in UTC.',
  none: NOTHING
} as const
const NAMES = {
  by: 'name',
  id: 'names',
  title: 'Names asked for',
  says: 'The banned names that were asked for most.',
  none: NOTHING,
  chart: false
} as const
const MATCHES = {
  by: 'match',
  id: 'matches',
  title: 'How it was recognised',
  says: 'qname: by the name asked for; cname, dname, svcb: by a name that the answer led to; address: by an address in the answer.',
  none: NOTHING,
  chart: false
} as const

/** Networks of the rules first, in their order; then those that only the log knows. */
function coverage(found: readonly Tally[], rules: BanFacts | undefined): Table {
  const counted = new Map(found.map(row => [String(row.key), row]))
  const known = rules?.networks ?? new Map<string, string>()
  const ids = new Set([...known.keys(), ...counted.keys()])
  const rows = [...ids].map((id): Value[] => {
    const row = counted.get(id)
    return [
      id,
      known.get(id) ?? (rules === undefined ? 'unknown' : 'not in the rules now'),
      ...(['lookups', 'blocked', 'monitored', 'clients'] as const).map(key => row?.[key] ?? 0),
      row?.first ?? null,
      row?.last ?? null
    ]
  })
  return {
    id: 'networks',
    title: 'Coverage by network',
    says: 'What the rules say in each network now, and how many lookups the ban met there. A network that is not banned is a gap.',
    none: NOTHING,
    columns: [
      column('network', 'text'),
      column('ban', 'text'),
      column('lookups', 'count', 'attempts'),
      column('blocked', 'count'),
      column('monitored', 'count', 'on trial'),
      column('clients', 'count'),
      column('first', 'time'),
      column('last', 'time')
    ],
    rows
  }
}

/**
 * Exceptions that lifted it: those that let through what it bans, in its networks. That is known by
 * the app, or by what matched, for a lookup that an exception decided does not name the ban.
 */
async function exceptions(
  log: Log,
  id: string,
  selection: Selection,
  rules: BanFacts | undefined
): Promise<Table> {
  const { sql, parameters } = conditionOf({ ...selection, ban: undefined })
  const { from, ...banned } = sourceOf(log, { ...selection, ban: id }, 'name')
  const rows = await log.rows<{
    exception: string
    network: string
    lookups: number
    clients: number
    first: Date
    last: Date
  }>(
    `WITH banned AS MATERIALIZED (
      SELECT DISTINCT network, app, "pattern" FROM ${from} WHERE ${banned.sql})
    SELECT exception, network, count(*) AS lookups, count(DISTINCT client) AS clients,
      min(time) AS first, max(time) AS last
    FROM lookups
    WHERE exception IS NOT NULL AND ${sql}
      AND network IN (SELECT network FROM banned)
      AND (app IN (SELECT app FROM banned) OR "pattern" IN (SELECT "pattern" FROM banned))
    GROUP BY ALL ORDER BY lookups DESC, exception, network`,
    { ...parameters, ...banned.parameters }
  )
  const used = new Set(rows.map(({ exception }) => exception))
  const unused = [...(rules?.exceptions ?? [])].filter(([exception]) => !used.has(exception))
  return {
    id: 'exceptions',
    title: 'Exceptions',
    says: 'Exceptions to what is banned, who approved them, and how often they were used.',
    none: 'There is none, and none was used.',
    columns: [
      column('exception', 'text'),
      column('network', 'text'),
      column('approval', 'text'),
      column('lookups', 'count'),
      column('clients', 'count'),
      column('last', 'time')
    ],
    rows: [
      ...rows.map(row => [
        row.exception,
        row.network,
        rules?.exceptions.get(row.exception) ?? null,
        row.lookups,
        row.clients,
        row.last
      ]),
      ...unused.map(([exception, approval]) => [exception, null, approval, 0, 0, null])
    ]
  }
}
