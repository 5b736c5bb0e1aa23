import { LOOKUP_FILTERS } from '../../../lookups/sql/lookup-filters.js'
import type { Log } from '../log.js'
import { formatValue } from '../output/format-value.js'
import type { Fact, Report, Table, Tile } from '../report.js'
import type { Selection } from './selection.js'
import { rankingTable } from './tables.js'
import { rank, sums, type Key, type Sums } from './count-by-key.js'

/** Titles and descriptions by key. */
const HEADINGS: Readonly<Record<Key, readonly [title: string, description: string]>> = {
  app: ['Lookups by app', 'Lookups that a rule on each app matched.'],
  ban: ['Lookups by ban', 'Lookups that each ban matched.'],
  network: ['Lookups by network', 'Lookups that a rule matched, in each network.'],
  client: ['Lookups by client', 'The clients with most lookups that a rule matched.'],
  name: ['Lookups by name', 'The names with most lookups that a rule matched.'],
  hour: ['Lookups by hour', 'Lookups that a rule matched, per hour.'],
  day: ['Lookups by day', 'Lookups that a rule matched, per day.'],
  type: ['Lookups by type', 'Lookups by query type: A and AAAA ask for addresses.'],
  match: [
    'Lookups by match',
    'qname: the name of the query; cname, dname, svcb: a name in the answer; address: an address in the answer.'
  ],
  exception: ['Lookups by exception', 'Lookups that each exception allowed.'],
  gateway: ['Lookups by gateway', 'Lookups that a rule matched, at each gateway of the fleet.']
}

/** `interdict report`: lookups counted by one key. */
export async function overview(
  log: Log,
  by: Key,
  selection: Selection,
  top: number
): Promise<Report> {
  const [title, description] = HEADINGS[by]
  const ranking = await rank(log, by, selection, top)
  const all = await ranking.all()
  const ofAll = selection.all === true
  const table = rankingTable(
    ranking.rows,
    {
      ...{ by, id: by, title, top, total: all.lookups },
      description: ofAll ? 'All lookups, whether a rule matched or not.' : description,
      emptyText: NO_LOOKUPS
    },
    selection.timeZone
  )
  const left = all.lookups - sumOf(table)
  const none = WITHOUT_KEY[by] === undefined ? 0 : ranking.without
  return {
    title,
    timeZone: selection.timeZone,
    tiles: sumTiles(all),
    facts: [...periodFacts(selection, all), ...selectionFacts(selection), ...sumFacts(all)],
    tables: [table],
    remarks: [...notShown(by, left, none), ...(await lookupsWithoutRule(log, selection, all))]
  }
}

/** Lookups without a value for a key. */
const WITHOUT_KEY: Readonly<Partial<Record<Key, string>>> = {
  app: 'that no rule on an app matched',
  ban: 'that no ban matched',
  network: 'of clients outside every network',
  client: 'without a client in the log',
  match: 'without a match',
  exception: 'that no exception allowed'
}

function sumOf({ columns, rows }: Table): number {
  const at = columns.findIndex(({ key }) => key === 'lookups')
  return rows.reduce((sum, row) => sum + Number(row[at]), 0)
}

/** Says why the rows do not add up to the total. */
function notShown(by: Key, left: number, none: number): string[] {
  const parts: [number, string][] = [
    [left - none, 'in rows below (raise --top)'],
    [none, WITHOUT_KEY[by] ?? '']
  ]
  const counts = parts.filter(([count]) => count > 0)
  const texts = counts.map(([count, which]) => `${lookupsText(count)} ${which}`)
  return texts.length === 0 ? [] : [`Not shown: ${texts.join('; ')}.`]
}

/** If no rule matched a lookup: how many lookups there are, and how to include them. */
export async function lookupsWithoutRule(log: Log, selection: Selection, { lookups }: Sums) {
  if (lookups > 0 || selection.all === true) return []
  const { lookups: others } = await sums(log, { ...selection, all: true })
  if (others === 0) return []
  return [
    `No rule matched ${lookupsText(others)}: add --all to include ${others === 1 ? 'it' : 'them'}.`
  ]
}

function lookupsText(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'lookup' : 'lookups'}`
}

export const NO_LOOKUPS = 'No matching lookups.'

/** The period of the report, and the first and last lookup in it. */
export function periodFacts({ since, until, timeZone }: Selection, { first, last }: Sums): Fact[] {
  const at = (instant: Date | number): string => formatValue(new Date(instant), 'time', timeZone)
  const from = since === undefined ? 'the start of the log' : at(since)
  const to = until === undefined ? 'now' : at(until)
  const found: Fact[] =
    first === null || last === null ? [] : [['First and last', `${at(first)} to ${at(last)}`]]
  return [['Period', `${from} to ${to}`], ...found, ['Time zone', timeZone]]
}

/** The filters, so that a page that is passed on names them. */
function selectionFacts({ ban, app, network, clients, name, gateway, others }: Selection): Fact[] {
  const filters: [string, string | undefined][] = [
    ['Only gateway', gateway],
    ['Only ban', ban],
    ['Only app', app],
    ['Only network', network],
    ['Only client', clients?.shown],
    ['Only names', name?.shown],
    ...LOOKUP_FILTERS.flatMap((filter): [string, string | undefined][] =>
      filter === 'client' ? [] : [[`Only ${filter}`, others?.[filter]?.join(', ')]]
    )
  ]
  return filters.flatMap(([label, text]): Fact[] => (text === undefined ? [] : [[label, text]]))
}

/** Headline figures of lookups. */
export function sumTiles({
  lookups,
  blocked,
  monitored,
  allowed,
  clients,
  networks
}: Sums): Tile[] {
  const share = (count: number): number | null => (lookups === 0 ? null : count / lookups)
  const text = (count: number): string => `${count.toLocaleString('en')} lookups`
  return [
    { key: 'lookups', title: 'Lookups', value: lookups, kind: 'count' },
    {
      key: 'blockedShare',
      title: 'Blocked',
      value: share(blocked),
      kind: 'share',
      note: text(blocked)
    },
    {
      key: 'monitoredShare',
      title: 'Monitored',
      value: share(monitored),
      kind: 'share',
      note: text(monitored)
    },
    {
      key: 'allowedShare',
      title: 'Allowed',
      value: share(allowed),
      kind: 'share',
      note: text(allowed)
    },
    {
      key: 'clients',
      title: 'Clients',
      value: clients,
      kind: 'count',
      note: `in ${networks.toLocaleString('en')} network${networks === 1 ? '' : 's'}`
    }
  ]
}

/** `1,234 lookups: 1,200 blocked, 34 allowed`, and the number of clients. */
export function sumFacts({
  lookups,
  blocked,
  monitored,
  allowed,
  clients,
  networks
}: Sums): Fact[] {
  const parts: [number, string][] = [
    [blocked, 'blocked'],
    [monitored, 'monitored'],
    [allowed, 'allowed'],
    [lookups - blocked - monitored - allowed, 'without a matching rule']
  ]
  const some = parts.filter(([count]) => count > 0)
  const how = some.map(([count, what]) => `${count.toLocaleString('en')} ${what}`).join(', ')
  return [
    ['Lookups', how === '' ? '0' : `${lookups.toLocaleString('en')}: ${how}`],
    [
      'Clients',
      `${clients.toLocaleString('en')} in ${networks.toLocaleString('en')} network${networks === 1 ? '' : 's'}`
    ]
  ]
}
