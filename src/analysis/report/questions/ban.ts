import type { NetworkOfBan } from '../../enforcement/coverage.js'
import type { Log } from '../log.js'
import { exceptionsTable } from './exceptions-table.js'
import { column, type Fact, type Report, type Table, type Tile, type Value } from '../report.js'
import { byDevice, sourceOf } from './lookup-source.js'
import { generations } from './generations.js'
import { NO_LOOKUPS, periodFacts, sumFacts, sumTiles } from './overview.js'
import { conditionOf, type Selection } from './selection.js'
import { tallyTable } from './tables.js'
import { sums, tally, type Sums, type Tally } from './count-by-key.js'

/** A ban as the rules define it; only where rules are available. */
export interface BanFacts {
  /** Authority, legal basis, dates: a line for each. */
  readonly facts: readonly Fact[]
  /** The ban in each network of the rules; empty: the rules no longer have it. */
  readonly networks: readonly NetworkOfBan[]
  /** Exceptions to the ban: who approved each, why, until when. */
  readonly exceptions: ReadonlyMap<string, string>
}

/**
 * `interdict report ban ID`: evidence that one ban is enforced, where, and with which gaps.
 *
 * @param proof result of verifying the chain of the log
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
  const { lookups: total } = all
  const coverage = coverageTable(await tally(log, 'network', ofBan, 1000), rules)
  const exceptions = await usedExceptions(log, id, selection, rules)
  return {
    title: `Evidence for the ban ${id}`,
    timeZone: selection.timeZone,
    tiles: tilesOf(all, coverage, exceptions, rules),
    facts: [...(rules?.facts ?? []), ...periodFacts(selection, all), ...sumFacts(all), proof],
    tables: [
      coverage,
      await tallyTable(log, { ...TIMELINE, top, total }, ofBan),
      await tallyTable(log, { ...NAMES, top, total }, ofBan),
      await tallyTable(log, { ...MATCHES, top, total }, ofBan),
      exceptions,
      await generations(log, ofBan)
    ],
    remarks:
      rules === undefined ? ['The rules could not be read, so this report has the log only.'] : []
  }
}

function tilesOf(
  all: Sums,
  coverage: Table,
  exceptions: Table,
  rules: BanFacts | undefined
): Tile[] {
  const uncovered = coverage.marks!.filter(mark => mark !== null).length
  const isDeclared = rules?.networks.some(({ isMeant }) => isMeant !== null) === true
  const [lookups, blocked, , , clients] = sumTiles(all)
  return [
    { ...lookups!, title: 'Attempts', note: 'lookups of banned names' },
    blocked!,
    clients!,
    {
      key: 'uncoveredNetworks',
      title: 'Uncovered networks',
      value: isDeclared ? uncovered : null,
      kind: 'count',
      note: isDeclared ? `of ${coverage.rows.length}` : 'no scope declared',
      warn: uncovered > 0
    },
    {
      key: 'exceptions',
      title: 'Exceptions',
      value: exceptions.rows.length,
      kind: 'count',
      note: 'defined or used'
    }
  ]
}

const TIMELINE = {
  by: 'day',
  id: 'days',
  title: 'Attempts over time',
  description: 'Lookups of banned names per day.',
  emptyText: NO_LOOKUPS
} as const
const NAMES = {
  by: 'name',
  id: 'names',
  title: 'Names looked up',
  description: 'The banned names with most lookups.',
  emptyText: NO_LOOKUPS,
  chart: false
} as const
const MATCHES = {
  by: 'match',
  id: 'matches',
  title: 'What matched',
  description:
    'qname: the name of the query; cname, dname, svcb: a name in the answer; address: an address in the answer.',
  emptyText: NO_LOOKUPS,
  chart: false
} as const

/** Networks of the rules in their order, then networks that occur only in the log. */
function coverageTable(found: readonly Tally[], rules: BanFacts | undefined): Table {
  const counted = new Map(found.map(row => [String(row.key), row]))
  const known = new Map(rules?.networks.map(one => [one.network, one]))
  const ids = new Set([...known.keys(), ...counted.keys()])
  const rows = [...ids].map((id): Value[] => {
    const row = counted.get(id)
    const network = known.get(id)
    const absent = rules === undefined ? 'unknown' : 'not in the current rules'
    return [
      id,
      network === undefined ? absent : networkStateText(network),
      ...(['lookups', 'blocked', 'monitored', 'clients'] as const).map(key => row?.[key] ?? 0),
      row?.first ?? null,
      row?.last ?? null
    ]
  })
  return {
    id: 'networks',
    title: 'Coverage by network',
    description:
      'Status of the ban in each network under the current rules, and the lookups that it matched. A network of its declared scope that does not ban all of it is a gap; without a declared scope, gaps are not known.',
    emptyText: NO_LOOKUPS,
    columns: [
      column('network', 'text'),
      column('ban', 'text'),
      column('lookups', 'count', 'attempts'),
      column('blocked', 'count'),
      column('monitored', 'count'),
      column('clients', 'count'),
      column('first', 'time'),
      column('last', 'time')
    ],
    rows,
    marks: rows.map(([id]) => (known.get(String(id))?.isGap === true ? 'not covered' : null))
  }
}

/** `enforced`, `by all-offices/tiktok`, `partly, by guests/social: without Douyin` */
export function networkStateText({ state, others, lacks }: NetworkOfBan): string {
  const by = others.join(', ')
  if (state === 'partly') return `partly, by ${by}: without ${lacks.join(', ')}`
  if (by === '') return state
  return state === 'monitored' ? `monitored by ${by}` : `by ${by}`
}

/**
 * Exceptions used for what the ban covers, in the networks of the ban. A record decided by an
 * exception does not name the ban, so they are found by app or by matched pattern.
 */
async function usedExceptions(
  log: Log,
  id: string,
  selection: Selection,
  rules: BanFacts | undefined
): Promise<Table> {
  const others = { ...selection, ban: undefined }
  const { sql, parameters } = conditionOf(others)
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
    FROM ${byDevice(log, others)}
    WHERE exception IS NOT NULL AND ${sql}
      AND (network IN (SELECT network FROM banned) OR "addressNetwork" IN (SELECT network FROM banned))
      AND (app IN (SELECT app FROM banned) OR "pattern" IN (SELECT "pattern" FROM banned))
    GROUP BY ALL ORDER BY lookups DESC, exception, network`,
    { ...parameters, ...banned.parameters }
  )
  return exceptionsTable(rows, rules?.exceptions)
}
