import { MS_PER_SECOND } from '../../base/units.js'
import { showInstant } from '../../rules/time/instant.js'
import type { State } from '../args/rule-state.js'
import { paint, type Paint } from '../io.js'
import type { BansList, ListedBan, ListedException, Notice } from './bans-list.js'
import { columns, wrap, type Cell, type Row } from './columns.js'
import type { Coverage } from './coverage.js'
import { count } from './show.js'

/** How many of many are named. */
const NAMED = 12
const MS_PER_DAY = 86_400_000

/** How it is shown, and to whom. */
export interface View {
  /** That of the rules. */
  readonly timeZone: string
  /** Columns of the terminal. */
  readonly width: number
}

/** For a terminal; colours only there. */
export function toText(list: BansList, view: View): string {
  const { bans, exceptions, notices, coverage, within } = list
  const gaps = coverage.filter(({ lacking, monitored }) => lacking.length + monitored.length > 0)
  const ahead = count(within, 'day')
  const covered = coverage.length === 0 ? 'Nothing is banned.' : 'No network lacks a ban.'
  const title = `Bans at ${instant(list.at, view)} (${view.timeZone})`
  const lines = [
    ...wrap(title, view.width).map(line => paint('bold', line)),
    ...wrap(sums(list), view.width),
    ...(list.rules.serial === null ? [] : [`Rules of the bundle ${list.rules.serial}`]),
    '',
    ...section(
      `Within ${ahead}`,
      noticeRows(notices, list, view),
      'Nothing starts, ends or is due.'
    ),
    ...section('Bans', banRows(bans, view), 'There are none.'),
    ...section('Exceptions', exceptionRows(exceptions, view), 'There are none.'),
    ...section('Coverage', coverageRows(gaps, view), covered)
  ]
  return `${lines.slice(0, -1).join('\n')}\n`
}

function section(title: string, lines: readonly string[], otherwise: string): string[] {
  return [paint('bold', title), ...(lines.length > 0 ? lines : [`  ${otherwise}`]), '']
}

/** `3 bans: 2 in force, 1 to come; 1 exception: 1 in force` */
function sums({ bans, exceptions }: BansList): string {
  const kinds = [
    ['ban', bans],
    ['exception', exceptions]
  ] as const
  return kinds
    .map(([what, rules]) => {
      const states = STATES.map(
        state => [state, rules.filter(rule => rule.state === state)] as const
      )
      const some = states.filter(([, rules]) => rules.length > 0)
      const shown = some.map(([state, { length }]) => `${length} ${state}`).join(', ')
      return `${count(rules.length, what)}${shown === '' ? '' : `: ${shown}`}`
    })
    .join('; ')
}

const COLOURS = {
  'in force': 'green',
  'outside its hours': 'yellow',
  'to come': 'yellow',
  ended: 'red'
} as const satisfies Record<State, Paint>
const STATES = Object.keys(COLOURS) as readonly State[]

function noticeRows(notices: readonly Notice[], { at }: BansList, view: View): string[] {
  if (notices.length === 0) return []
  const rows = notices.map((notice): Row => {
    const { kind, id, what } = notice
    const days = Math.round((Date.parse(notice.at) - Date.parse(at)) / MS_PER_DAY)
    const colour = what === 'review due' ? 'red' : 'yellow'
    return {
      cells: [[day(notice.at, view)], [inDays(days)], [[colour, WHAT[what]]], [`${kind} ${id}`]]
    }
  })
  return indented(columns(['when', '', '', 'which'], rows, view.width - 2))
}

const WHAT = {
  starts: 'starts',
  ends: 'ends',
  review: 'review',
  'review due': 'review was due'
} as const satisfies Record<Notice['what'], string>

function inDays(days: number): string {
  if (days === 0) return 'today'
  return days > 0 ? `in ${count(days, 'day')}` : `${count(-days, 'day')} ago`
}

function banRows(bans: readonly ListedBan[], view: View): string[] {
  if (bans.length === 0) return []
  const rows = bans.flatMap((ban): Row[] => {
    const { id, sources, networks, mode, action, authority, reference, referenceUrl } = ban
    const what = mode === 'monitor' ? [['yellow', 'monitored'] as const] : [action]
    const cells: Cell[] = [
      [['bold', id], ...what],
      [titles(sources)],
      [some(networks)],
      when(ban, view)
    ]
    return [{ cells }, across([join(authority, reference), referenceUrl])]
  })
  return indented(columns(['ban', 'of', 'in', 'when'], rows, view.width - 2))
}

function exceptionRows(exceptions: readonly ListedException[], view: View): string[] {
  if (exceptions.length === 0) return []
  const rows = exceptions.flatMap((rule): Row[] => {
    const { id, sources, networks, prefixes, purpose, approvedBy, reference, referenceUrl } = rule
    const whom = prefixes.length === 0 ? [`all of ${some(networks)}`] : [some(prefixes)]
    const why = join(`${purpose}, approved by ${approvedBy}`, reference)
    return [
      { cells: [[['bold', id]], [titles(sources)], whom, when(rule, view)] },
      across([why, referenceUrl])
    ]
  })
  return indented(columns(['exception', 'to', 'for', 'when'], rows, view.width - 2))
}

function coverageRows(gaps: readonly Coverage[], view: View): string[] {
  if (gaps.length === 0) return []
  const rows = alike(gaps).map(({ what, banned, monitored, lacking }): Row => {
    const trial: Cell =
      monitored.length === 0 ? [] : [['yellow', `monitored in ${some(monitored)}`]]
    const open: Cell = lacking.length === 0 ? [] : [['red', some(lacking)]]
    return { cells: [[some(what)], [some(banned)], [...open, ...trial]] }
  })
  return indented(columns(['what', 'banned in', 'not in'], rows, view.width - 2))
}

/** What is banned in the very same networks, together. */
function alike(gaps: readonly Coverage[]): (Coverage & { readonly what: readonly string[] })[] {
  const groups = new Map<string, { first: Coverage; what: string[] }>()
  for (const gap of gaps) {
    const key = [gap.banned, gap.monitored].join('\n')
    const group = groups.get(key) ?? { first: gap, what: [] }
    group.what.push(gap.title)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ first, what }) => ({ ...first, what }))
}

/** The state, and the dates that there are. */
function when(rule: ListedBan | ListedException, view: View): Cell {
  const { state, from, until, schedule } = rule
  const review = 'review' in rule ? rule.review : null
  const hours = schedule?.replaceAll(` (${view.timeZone})`, '')
  return [
    [COLOURS[state], state],
    ...(from === null ? [] : [`from ${day(from, view)}`]),
    ...(until === null ? [] : [`until ${day(until, view)}`]),
    ...(review === null ? [] : [`review ${day(review, view)}`]),
    ...(hours === undefined ? [] : [hours])
  ]
}

function across(lines: readonly (string | null)[]): Row {
  return { across: lines.filter(line => line !== null && line !== '') as string[] }
}

/** `authority: reference` */
function join(...parts: readonly (string | null)[]): string {
  return parts.filter(part => part !== null).join(': ')
}

function titles(sources: ListedBan['sources']): string {
  return some(sources.map(({ title }) => title))
}

function some(texts: readonly string[]): string {
  const more = texts.length - NAMED
  return texts.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

/** `2026-12-04`; with the time where it is not the first second of the day. */
function day(text: string, view: View): string {
  const [date, time = ''] = instant(text, view).split('T')
  return time.startsWith('00:00:00') ? date! : `${date} ${time.slice(0, 8).replace(/:00$/, '')}`
}

function instant(text: string, { timeZone }: View): string {
  return showInstant(Date.parse(text) / MS_PER_SECOND, timeZone)
}

const indented = (lines: readonly string[]): string[] => lines.map(line => `  ${line}`)
