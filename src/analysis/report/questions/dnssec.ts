import type { Log } from '../log.js'
import { column, type Report, type Table, type Tile } from '../report.js'
import { domainsTable } from './dnssec-domains.js'
import { byObservation } from './lookup-source.js'
import { formatValue } from '../output/format-value.js'
import { periodFacts } from './overview.js'
import { conditionOf, type Selection } from './selection.js'

interface NetworkSample {
  readonly network: string | null
  /** Null: not known of the selection. */
  readonly validated: number | null
  readonly answers: number | null
  readonly failed: number
  readonly clients: number
  readonly first: Date | null
  readonly last: Date | null
  readonly [column: string]: string | number | Date | null
}

/** Without an extended error, nothing requires the zone to be signed, and `enforce` accepts the answer. */
const FAILED = `(dnssec IN ('bogus', 'indeterminate') AND ede IS NOT NULL)`

/**
 * `interdict report dnssec`: what would fail if networks with `dnssec: observe` had `enforce`, as far as the sample of validated
 * answers shows it.
 */
export async function dnssecReport(log: Log, selection: Selection, top: number): Promise<Report> {
  const { sql, parameters } = conditionOf({ ...selection, all: true })
  const source = { from: byObservation(log, selection), where: sql, parameters }
  const found = await log.rows<NetworkSample>(
    `SELECT network, coalesce(sum(validated), 0)::BIGINT AS validated, coalesce(sum(answers), 0)::BIGINT AS answers,
      count(*) FILTER (${FAILED}) AS failed, count(DISTINCT client) FILTER (${FAILED}) AS clients,
      min(time) AS first, max(time) AS last
    FROM ${source.from} WHERE ${sql} GROUP BY network ORDER BY network`,
    parameters
  )
  // The counts are of all names and clients of a network.
  const isPart = isPartOfNetwork(selection)
  const networks = isPart ? found.map(row => ({ ...row, validated: null, answers: null })) : found
  const domains = await domainsTable(log, source, FAILED, top)
  return {
    title: 'What would fail if DNSSEC were enforced',
    timeZone: selection.timeZone,
    tiles: tilesOf(networks, domains.domains),
    facts: factsOf(selection, networks),
    tables: [domains.table, networksTable(networks)],
    remarks: [
      ...(isPart
        ? [
            'How much was sampled is known of whole networks only, not of some of their clients or names.'
          ]
        : []),
      ...remarksOf(networks, domains.hidden)
    ]
  }
}

function isPartOfNetwork({ clients, name, ban, app, others = {} }: Selection): boolean {
  const isGiven = [clients, name, ban, app].some(one => one !== undefined)
  return isGiven || Object.values(others).some(one => one !== undefined)
}

/** Null: not known. */
const sumOf = (
  rows: readonly NetworkSample[],
  key: 'validated' | 'answers' | 'failed'
): number | null => rows.reduce<number | null>((sum, { [key]: count }) => add(sum, count), 0)
const add = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a + b

/** Null: not known, or nothing to divide by. */
const share = (part: number | null, whole: number | null): number | null =>
  part === null || whole === null || whole === 0 ? null : part / whole

function tilesOf(rows: readonly NetworkSample[], domains: number): Tile[] {
  const [validated, answers, failed] = [
    sumOf(rows, 'validated'),
    sumOf(rows, 'answers'),
    sumOf(rows, 'failed')
  ]
  const count = (value: number | null): string => value?.toLocaleString('en') ?? 'an unknown number'
  return [
    {
      key: 'domains',
      title: 'Domains that would fail',
      value: domains,
      kind: 'count',
      warn: domains > 0
    },
    {
      key: 'failed',
      title: 'Answers that would fail',
      value: failed,
      kind: 'count',
      note: `of ${count(validated)} validated`
    },
    {
      key: 'failedShare',
      title: 'Share that would fail',
      value: share(failed, validated),
      kind: 'share',
      note: 'of the sample'
    },
    {
      key: 'sampledShare',
      title: 'Sampled',
      value: share(validated, answers),
      kind: 'share',
      note: `${count(validated)} of ${count(answers)} answers of upstreams`
    }
  ]
}

function factsOf(selection: Selection, rows: readonly NetworkSample[]): Report['facts'] {
  const times = (key: 'first' | 'last') =>
    rows.flatMap(row => (row[key] === null ? [] : [Number(row[key])]))
  const ends = rows.length === 0 ? [] : [Math.min(...times('first')), Math.max(...times('last'))]
  const at = (time: number): string => formatValue(new Date(time), 'time', selection.timeZone)
  const none = { first: null, last: null } as Parameters<typeof periodFacts>[1]
  return [
    ...periodFacts(selection, none),
    ...(ends.length === 0
      ? []
      : [['Observed', `${at(ends[0]!)} to ${at(ends[1]!)}`] as Report['facts'][number]])
  ]
}

function networksTable(rows: readonly NetworkSample[]): Table {
  return {
    id: 'networks',
    title: 'Networks',
    description:
      'How large the sample was. Answers are those of upstreams; what came from the cache had been such an answer before.',
    emptyText: 'No network was observed.',
    columns: [
      column('network', 'text'),
      ...(['answers', 'validated'] as const).map(key => column(key, 'count')),
      column('share', 'share', 'sampled'),
      column('failed', 'count', 'would fail'),
      column('clients', 'count', 'clients concerned')
    ],
    rows: rows.map(({ network, answers, validated, failed, clients }) => {
      return [network, answers, validated, share(validated, answers), failed, clients]
    })
  }
}

function remarksOf(rows: readonly NetworkSample[], hidden: number): string[] {
  if (rows.length === 0)
    return [
      'No answer was validated in this period: no network has `dnssec: observe`, no client asked, or the query log has `which: none`. This says nothing of what would fail.'
    ]
  return [
    'Only a sample was validated, at most ten answers a second of each worker. A domain that is not listed may fail as well; names that are looked up seldom are rarely in a sample.',
    'Clients are those whose lookups were in the sample: at least so many. Where privacy shortens or leaves out addresses, several count as one or none.',
    ...(hidden > 0
      ? [`${hidden} more row${hidden === 1 ? '' : 's'} of domains not shown; raise --top.`]
      : [])
  ]
}
