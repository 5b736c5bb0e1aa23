import { MS_PER_SECOND } from '../../../base/units.js'
import { lastDayBefore, showInstant } from '../../../base/time/instant.js'
import { paint, type Colour } from '../../io.js'
import type {
  BansList,
  ListedBan,
  ListedDnssecException,
  ListedException,
  Notice
} from '../../../analysis/views/bans-list.js'
import { columns, wrap, type Cell, type Row } from '../columns.js'
import type { Coverage } from '../../../analysis/enforcement/coverage.js'
import { formatCount } from '../format.js'
import type { RuleState } from '../../../analysis/enforcement/rule-state.js'

/** Most names that are spelt out. */
const MOST_NAMES = 12
const MS_PER_DAY = 86_400_000

/** How bans are shown. */
export interface View {
  /** Of the rules. */
  readonly timeZone: string
  /** Columns of the terminal. */
  readonly width: number
}

export function toText(list: BansList, view: View): string {
  const { bans, exceptions, notices, coverage, within } = list
  const gaps = coverage.filter(({ lacking, monitored }) => lacking.length + monitored.length > 0)
  const ahead = formatCount(within, 'day')
  const covered = coverage.length === 0 ? 'Nothing is banned.' : 'Every network has every ban.'
  const title = `Bans at ${instant(list.at, view)} (${view.timeZone})`
  const lines = [
    ...wrap(title, view.width).map(line => paint('bold', line)),
    ...wrap(sums(list), view.width),
    ...(list.rules.serial === null ? [] : [`Rules from bundle ${list.rules.serial}`]),
    '',
    ...section(
      `Within ${ahead}`,
      noticeRows(notices, list, view),
      'Nothing starts, ends or is due.'
    ),
    ...section('Bans', banRows(bans, view), 'None.'),
    ...section('Exceptions', exceptionRows(exceptions, view), 'None.'),
    ...(list.dnssecExceptions.length === 0
      ? []
      : section('DNSSEC exceptions', dnssecRows(list.dnssecExceptions, view), '')),
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
      return `${formatCount(rules.length, what)}${shown === '' ? '' : `: ${shown}`}`
    })
    .join('; ')
}

const COLOURS = {
  'in force': 'green',
  'outside its hours': 'yellow',
  'to come': 'yellow',
  ended: 'red'
} as const satisfies Record<RuleState, Colour>
const STATES = Object.keys(COLOURS) as readonly RuleState[]

function noticeRows(notices: readonly Notice[], { at }: BansList, view: View): string[] {
  if (notices.length === 0) return []
  const rows = notices.map((notice): Row => {
    const { kind, id, what } = notice
    const end = Date.parse(notice.at) / MS_PER_SECOND
    const last = what === 'ends' ? lastDayBefore(end, view.timeZone) : undefined
    const [shown, word] =
      last === undefined ? [day(notice.at, view), WHAT[what]] : [last, 'last day']
    const today = day(at, view).slice(0, 10)
    const days = (Date.parse(shown.slice(0, 10)) - Date.parse(today)) / MS_PER_DAY
    const colour = what === 'review due' ? 'red' : 'yellow'
    return {
      cells: [[shown], [inDays(days)], [[colour, word]], [`${kind} ${id}`]]
    }
  })
  return indented(columns(['when', '', '', 'which'], rows, view.width - 2))
}

const WHAT = {
  starts: 'starts',
  ends: 'ends',
  review: 'review',
  'review due': 'review overdue'
} as const satisfies Record<Notice['what'], string>

function inDays(days: number): string {
  if (days === 0) return 'today'
  return days > 0 ? `in ${formatCount(days, 'day')}` : `${formatCount(-days, 'day')} ago`
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
    return [{ cells }, across([join(authority, reference), referenceUrl, ...mandated(ban)])]
  })
  return indented(columns(['ban', 'what', 'networks', 'when'], rows, view.width - 2))
}

function exceptionRows(exceptions: readonly ListedException[], view: View): string[] {
  if (exceptions.length === 0) return []
  const rows = exceptions.flatMap((rule): Row[] => {
    const { id, sources, networks, prefixes, purpose, approvedBy, reference, referenceUrl } = rule
    const clients = prefixes.length === 0 ? [`all in ${some(networks)}`] : [some(prefixes)]
    const why = join(`${purpose}, approved by ${approvedBy}`, reference)
    return [
      { cells: [[['bold', id]], [titles(sources)], clients, when(rule, view)] },
      across([why, referenceUrl, ...mandated(rule)])
    ]
  })
  return indented(columns(['exception', 'what', 'clients', 'when'], rows, view.width - 2))
}

function dnssecRows(exceptions: readonly ListedDnssecException[], view: View): string[] {
  const rows = exceptions.flatMap((one): Row[] => {
    const { name, purpose, approvedBy, reference, referenceUrl } = one
    const why = join(`${purpose}, approved by ${approvedBy}`, reference)
    return [
      { cells: [[['bold', name]], when({ ...one, schedule: null }, view)] },
      across([why, referenceUrl])
    ]
  })
  return indented(columns(['not validated', 'when'], rows, view.width - 2))
}

function coverageRows(gaps: readonly Coverage[], view: View): string[] {
  if (gaps.length === 0) return []
  const rows = grouped(gaps).map(({ what, banned, monitored, lacking }): Row => {
    const monitoredIn: Cell =
      monitored.length === 0 ? [] : [['yellow', `monitored in ${some(monitored)}`]]
    const missing: Cell = lacking.length === 0 ? [] : [['red', some(lacking)]]
    return { cells: [[some(what)], [some(banned)], [...missing, ...monitoredIn]] }
  })
  return indented(columns(['what', 'banned in', 'not banned in'], rows, view.width - 2))
}

/** Groups what is banned in exactly the same networks. */
function grouped(gaps: readonly Coverage[]): (Coverage & { readonly what: readonly string[] })[] {
  const groups = new Map<string, { first: Coverage; what: string[] }>()
  for (const gap of gaps) {
    const key = [gap.banned, gap.monitored].join('\n')
    const group = groups.get(key) ?? { first: gap, what: [] }
    group.what.push(gap.title)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ first, what }) => ({ ...first, what }))
}

/** The state, and the dates of a rule. */
function when(
  rule: Pick<ListedException, 'state' | 'from' | 'until' | 'schedule'> &
    Partial<Pick<ListedBan, 'review'>>,
  view: View
): Cell {
  const { state, from, until, schedule, review = null } = rule
  const hours = schedule?.replaceAll(` (${view.timeZone})`, '')
  return [
    [COLOURS[state], state],
    ...(from === null ? [] : [`from ${day(from, view)}`]),
    ...(until === null ? [] : [endText(until, view)]),
    ...(review === null ? [] : [`review ${day(review, view)}`]),
    ...(hours === undefined ? [] : [hours])
  ]
}

/** The mandates that concern a rule. */
function mandated({ mandates }: ListedBan | ListedException): string[] {
  return mandates.map(
    ({ id, authority, reference, at }) => `mandate ${id}: ${authority}: ${reference} (${at})`
  )
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
  const more = texts.length - MOST_NAMES
  return texts.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

/** `last day 2026-12-03`, or `until 2026-12-04 17:00` */
function endText(until: string, view: View): string {
  const last = lastDayBefore(Date.parse(until) / MS_PER_SECOND, view.timeZone)
  return last === undefined ? `until ${day(until, view)}` : `last day ${last}`
}

/** `2026-12-04`, with the time unless it is midnight. */
function day(text: string, view: View): string {
  const [date, time = ''] = instant(text, view).split('T')
  return time.startsWith('00:00:00') ? date! : `${date} ${time.slice(0, 8).replace(/:00$/, '')}`
}

function instant(text: string, { timeZone }: View): string {
  return showInstant(Date.parse(text) / MS_PER_SECOND, timeZone)
}

const indented = (lines: readonly string[]): string[] => lines.map(line => `  ${line}`)
