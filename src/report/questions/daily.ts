import type { Milliseconds } from '../../base/units.js'
import { shiftDays, startOfDay } from '../../rules/time/instant.js'
import type { Log } from '../log.js'
import { formatValue } from '../output/format.js'
import type { Fact, Report, Table } from '../report.js'
import { periodFacts, sumFacts, lookupsWithoutRule } from './overview.js'
import type { Selection } from './selection.js'
import { tallyTable, type TallyTable } from './tables.js'
import { sums, type Sums } from './tally.js'

/** Days before the report's day that it is compared with. */
const BASELINE_DAYS = 7

/**
 * `interdict report daily`: one page on the last day.
 *
 * @param titles titles of apps, by id
 */
export async function daily(
  log: Log,
  selection: Selection & { readonly since: number; readonly until: number },
  titles: ReadonlyMap<string, string>,
  top: number
): Promise<Report> {
  const { since, timeZone } = selection
  const all = await sums(log, selection)
  const baseline = shiftDays(since, -BASELINE_DAYS, timeZone)
  const before = await sums(log, { ...selection, since: baseline, until: since })
  const tables: Table[] = []
  for (const table of TABLES) {
    tables.push(await tallyTable(log, { top, ...table, titles }, selection))
  }
  return {
    title: `Daily report, ${showStart(since, timeZone)}`,
    timeZone,
    facts: [
      ...periodFacts(selection, all),
      ...sumFacts(all),
      ...comparison(all, before, selection)
    ],
    tables,
    remarks: [
      ...(all.first === null ? await firstDayHint(log, selection) : []),
      ...(await lookupsWithoutRule(log, selection, all))
    ]
  }
}

/** If the log is younger than the day, as on a gateway's first day: when it starts, and how to report on that. */
async function firstDayHint(log: Log, selection: Selection & { readonly until: number }) {
  const { first } = await sums(log, { ...selection, since: undefined, until: undefined })
  if (first === null || Number(first) < selection.until) return []
  const { timeZone } = selection
  const end = new Date(shiftDays(startOfDay(Number(first), timeZone), 1, timeZone))
  const begins = `The log has no lookups of that day: it starts at ${formatValue(first, 'time', timeZone)}.`
  const day = formatValue(end, 'day', timeZone)
  return [`${begins} For its first day so far, run: report daily --until ${day}.`]
}

function showStart(since: Milliseconds, timeZone: string): string {
  const isMidnight = since === startOfDay(since, timeZone)
  return isMidnight
    ? formatValue(new Date(since), 'day', timeZone)
    : `from ${formatValue(new Date(since), 'time', timeZone)}`
}

/** Compares with the mean of the previous days in the log, which may be younger than a week. */
function comparison(
  { blocked }: Sums,
  before: Sums,
  { since, timeZone }: Selection & { readonly since: Milliseconds }
): Fact[] {
  if (before.first === null) return [['Compared', 'no earlier lookups in the log']]
  let days = 1
  while (days < BASELINE_DAYS && shiftDays(since, -days, timeZone) > Number(before.first)) days++
  const usual = before.blocked / days
  if (usual === 0) return [['Compared', 'nothing blocked on the previous days']]
  const change = formatValue(blocked / usual - 1, 'change', timeZone)
  const mean = Math.round(usual).toLocaleString('en')
  return [
    ['Compared', `blocked ${change} against the mean of the previous ${days} days (${mean} a day)`]
  ]
}

const TABLES: readonly Omit<TallyTable, 'top'>[] = [
  {
    by: 'hour',
    id: 'hours',
    title: 'Timeline',
    description: 'Lookups that a rule matched, per hour.',
    emptyText: 'No rule matched a lookup.'
  },
  {
    by: 'app',
    id: 'apps',
    title: 'Apps',
    description: 'The apps with most lookups, and how those were answered.',
    emptyText: 'No rule on an app matched a lookup.'
  },
  {
    by: 'network',
    id: 'networks',
    title: 'Networks',
    description: 'The networks of these lookups.',
    emptyText: 'No such lookups.'
  },
  {
    by: 'client',
    id: 'clients',
    title: 'Clients',
    description:
      'The clients with most such lookups. An installed app makes lookups all day, without its user.',
    emptyText: 'No such lookups.',
    chart: false
  },
  {
    by: 'name',
    id: 'names',
    title: 'Names',
    description: 'The names with most lookups that a rule matched.',
    emptyText: 'No such names.',
    chart: false
  },
  {
    by: 'exception',
    id: 'exceptions',
    title: 'Exceptions used',
    description: 'Lookups of banned names that an exception allowed.',
    emptyText: 'No exception was used.',
    chart: false
  }
]
