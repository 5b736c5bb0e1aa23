import type { Log } from '../log.js'
import { shown } from '../output/shown.js'
import type { Fact, Report, Table } from '../report.js'
import type { Selection } from './selection.js'
import { tallyTable } from './tables.js'
import { sums, without, type Key, type Sums } from './tally.js'

/** What a key counts, for titles and what they say. */
const WHAT: Readonly<Record<Key, readonly [title: string, says: string]>> = {
  app: ['Lookups by app', 'How often rules on each app decided a lookup.'],
  ban: ['Lookups by ban', 'How often each ban decided a lookup.'],
  network: ['Lookups by network', 'How often a rule decided a lookup, in each network.'],
  client: ['Lookups by client', 'Whose lookups rules decided most often.'],
  name: ['Lookups by name', 'The names asked for most, of those on which a rule decided.'],
  hour: ['Lookups by hour', 'How many lookups rules decided in each hour, in UTC.'],
  day: ['Lookups by day', 'How many lookups rules decided on each day, in UTC.'],
  type: ['Lookups by type', 'What was asked of names: A and AAAA are addresses.'],
  match: [
    'Lookups by what matched',
    'qname: the name asked for; cname, dname, svcb: a name that the answer led to; address: an address in it.'
  ],
  exception: ['Lookups by exception', 'How often each exception let a lookup through.']
}

/** `interdict report`: lookups counted by one key. */
export async function overview(
  log: Log,
  by: Key,
  selection: Selection,
  top: number
): Promise<Report> {
  const [title, says] = WHAT[by]
  const all = await sums(log, selection)
  const shownSays =
    selection.all === true ? 'All lookups, also those of which no rule spoke.' : says
  const wanted = { by, id: by, title, says: shownSays, none: NOTHING, top }
  const table = await tallyTable(log, wanted, selection)
  const left = all.lookups - sumOf(table)
  const none = left === 0 || NONE[by] === undefined ? 0 : await without(log, by, selection)
  return {
    title,
    facts: [...periodFacts(selection, all), ...selectionFacts(selection), ...sumFacts(all)],
    tables: [table],
    remarks: [...missing(by, left, none), ...(await unspoken(log, selection, all))]
  }
}

/** Lookups that have none of a key. */
const NONE: Readonly<Partial<Record<Key, string>>> = {
  app: 'that no rule on an app decided',
  ban: 'that no ban decided',
  network: 'of clients in no network',
  client: 'of clients that the log does not name',
  match: 'in which nothing matched',
  exception: 'that no exception let through'
}

function sumOf({ columns, rows }: Table): number {
  const at = columns.findIndex(({ key }) => key === 'lookups')
  return rows.reduce((sum, row) => sum + Number(row[at]), 0)
}

/** Rows that do not add up to the whole would be taken for a mistake, or for all that there is. */
function missing(by: Key, left: number, none: number): string[] {
  const parts: [number, string][] = [
    [left - none, 'further down, where --top does not go'],
    [none, NONE[by] ?? '']
  ]
  const some = parts.filter(([count]) => count > 0)
  const told = some.map(([count, which]) => `${lookupsText(count)} ${which}`)
  return told.length === 0 ? [] : [`Not in the table: ${told.join('; ')}.`]
}

/** Where rules decided nothing: what there is besides, and how to ask for that. */
export async function unspoken(log: Log, selection: Selection, { lookups }: Sums) {
  if (lookups > 0 || selection.all === true) return []
  const { lookups: others } = await sums(log, { ...selection, all: true })
  if (others === 0) return []
  return [`Not counted without --all: ${lookupsText(others)} of which no rule spoke.`]
}

function lookupsText(count: number): string {
  return `${shown(count, 'count')} ${count === 1 ? 'lookup' : 'lookups'}`
}

export const NOTHING = 'No lookup is like that.'

/** The time asked about, and that of the first and last lookup found in it. */
export function periodFacts({ since, until }: Selection, { first, last }: Sums): Fact[] {
  const at = (instant: number): string => shown(new Date(instant), 'time')
  const from = since === undefined ? 'the beginning of the log' : at(since)
  const to = until === undefined ? 'now' : at(until)
  const found = first === null ? [] : [`${shown(first, 'time')} to ${shown(last, 'time')}`]
  return [
    ['Period (UTC)', `${from} to ${to}`],
    ...found.map((text): Fact => ['Lookups from, to', text])
  ]
}

/** What was asked about, so that a page that is passed on says it. */
function selectionFacts({ ban, app, network, clients, name }: Selection): Fact[] {
  const said: [string, string | undefined][] = [
    ['Only ban', ban],
    ['Only app', app],
    ['Only network', network],
    ['Only client', clients?.shown],
    ['Only names', name?.shown]
  ]
  return said.flatMap(([label, text]): Fact[] => (text === undefined ? [] : [[label, text]]))
}

/** `1,234 lookups: 1,200 blocked, 34 let through` and how many clients. */
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
    [monitored, 'on trial, so answered'],
    [allowed, 'let through by an exception or allow'],
    [lookups - blocked - monitored - allowed, 'of which no rule spoke']
  ]
  const some = parts.filter(([count]) => count > 0)
  const how = some.map(([count, what]) => `${shown(count, 'count')} ${what}`).join(', ')
  return [
    ['Lookups', how === '' ? '0' : `${shown(lookups, 'count')}: ${how}`],
    [
      'Clients',
      `${shown(clients, 'count')} in ${shown(networks, 'count')} network${networks === 1 ? '' : 's'}`
    ]
  ]
}
