import type { Log } from '../log.js'
import { shown } from '../output/shown.js'
import type { Fact, Report, Table } from '../report.js'
import { periodFacts, sumFacts, unspoken } from './overview.js'
import type { Selection } from './selection.js'
import { tallyTable, type TallyTable } from './tables.js'
import { sums, type Sums } from './tally.js'

const DAY = 86_400_000
/** Days before, with which the day is compared. */
const BEFORE = 7

/**
 * `interdict report daily`: one page for the morning.
 *
 * @param titles of apps, by id
 */
export async function daily(
  log: Log,
  selection: Selection & { readonly since: number; readonly until: number },
  titles: ReadonlyMap<string, string>,
  top: number
): Promise<Report> {
  const { since } = selection
  const all = await sums(log, selection)
  const before = await sums(log, { ...selection, since: since - BEFORE * DAY, until: since })
  const tables: Table[] = []
  for (const table of TABLES) {
    tables.push(await tallyTable(log, { top, ...table, titles }, selection))
  }
  return {
    title: `Daily report, ${begins(since)}`,
    facts: [...periodFacts(selection, all), ...sumFacts(all), ...comparison(all, before, since)],
    tables,
    remarks: [
      ...(all.first === null ? await firstDay(log, selection) : []),
      ...(await unspoken(log, selection, all))
    ]
  }
}

/** Where there is nothing yet, as on the first day of a gateway: when there is something, and how to ask for that. */
async function firstDay(log: Log, selection: Selection & { readonly until: number }) {
  const { first } = await sums(log, { ...selection, since: undefined, until: undefined })
  if (first === null || Number(first) < selection.until) return []
  const end = new Date((Math.floor(Number(first) / DAY) + 1) * DAY)
  const begins = `There is nothing of that day in the log: what is asked for begins ${shown(first, 'time')}.`
  return [
    `${begins} Its first day, as far as it is over: report daily --until ${shown(end, 'day')}.`
  ]
}

function begins(since: number): string {
  const isMidnight = since % DAY === 0
  return isMidnight ? shown(new Date(since), 'day') : `from ${shown(new Date(since), 'time')} UTC`
}

/** The mean of the days before of which there are lookups: a log may be younger than a week. */
function comparison({ blocked }: Sums, before: Sums, since: number): Fact[] {
  if (before.first === null) return [['Compared', 'there is nothing before it in the log']]
  const days = Math.ceil((since - Number(before.first)) / DAY)
  const usual = before.blocked / days
  if (usual === 0) return [['Compared', 'nothing was blocked in the days before']]
  const change = shown(blocked / usual - 1, 'change')
  const mean = shown(Math.round(usual), 'count')
  return [['Compared', `blocked ${change} against the mean of ${days} days before, ${mean} a day`]]
}

const TABLES: readonly Omit<TallyTable, 'top'>[] = [
  {
    by: 'hour',
    id: 'hours',
    title: 'When',
    says: 'How many lookups rules decided in each hour, in UTC.',
    none: 'No rule decided a lookup.'
  },
  {
    by: 'app',
    id: 'apps',
    title: 'Which apps',
    says: 'The apps whose names were asked for most, and what became of it.',
    none: 'No rule on an app decided a lookup.'
  },
  {
    by: 'network',
    id: 'networks',
    title: 'Where',
    says: 'The networks in which that was.',
    none: 'No network has such lookups.'
  },
  {
    by: 'client',
    id: 'clients',
    title: 'Who',
    says: 'The clients with most such lookups. An app that is installed asks all day, without its user.',
    none: 'No client has such lookups.',
    chart: false
  },
  {
    by: 'name',
    id: 'names',
    title: 'Which names',
    says: 'The names asked for most, of those on which a rule decided.',
    none: 'There is no such name.',
    chart: false
  },
  {
    by: 'exception',
    id: 'exceptions',
    title: 'Exceptions used',
    says: 'Lookups that an exception let through, although a ban is on the name.',
    none: 'No exception was used.',
    chart: false
  }
]
