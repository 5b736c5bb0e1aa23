import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { columns, type Cell, type Row } from '../columns.js'
import { formatDuration, formatNumber } from '../format.js'
import type { ListView } from '../../../analysis/views/lists-view.js'

const HEAD = ['list', 'source', 'entries', 'age', 'last attempt', 'state']

/** @param width of the terminal, in columns */
export function toText(lists: readonly ListView[], width: number, now: Milliseconds): string {
  if (lists.length === 0) return 'The rules have no lists.\n'
  const rows = lists.flatMap((list): Row[] => {
    const { error } = list
    const across = [
      ...zoneLines(list, now),
      ...slowLines(list),
      ...(error === null ? [] : [errorText(error)])
    ]
    return [{ cells: cellsOf(list, now) }, ...across.map(text => ({ across: [text] }))]
  })
  return `${columns(HEAD, rows, width).join('\n')}\n`
}

function cellsOf(list: ListView, now: Milliseconds): Cell[] {
  const { id, source, entries, fetched, tried } = list
  return [
    [id],
    [source],
    [formatNumber(entries)],
    [age(fetched, now)],
    [age(tried, now)],
    stateOf(list)
  ]
}

/** Lists that compile faster than this need no attention. */
const SLOW: Milliseconds = 1000

function slowLines({ compileMs }: ListView): string[] {
  if (compileMs === null || compileMs < SLOW) return []
  return [`took ${formatDuration(Math.round(compileMs / MS_PER_SECOND))} to compile`]
}

const errorText = ({ code, message }: NonNullable<ListView['error']>): string =>
  `${message} (${code})`

/** `serial 17 of hq, confirmed 5 min ago, refresh in 55 min` */
function zoneLines({ zone }: ListView, now: Milliseconds): string[] {
  if (zone === null) return []
  const { serial, primary, confirmed, due, expires } = zone
  const next =
    Date.parse(due) <= now ? 'now' : `in ${age(new Date(now).toISOString(), Date.parse(due))}`
  const end = Date.parse(expires)
  const expired = end > now ? '' : `, expired ${age(expires, now)} ago but still in force`
  const last = `confirmed ${age(confirmed, now)} ago${expired}`
  return [`serial ${serial} of ${primary}, ${last}, refresh ${next}`]
}

function stateOf({ state, quarantined, failures }: ListView): Cell {
  switch (state) {
    case 'local':
      return ['local']
    case 'good':
      return [['green', 'good']]
    case 'quarantined':
      return [['yellow', `quarantined: ${formatNumber(quarantined!.entries)}`]]
    case 'failing':
      return [['red', `failed ${failures} ×`]]
    case 'expired':
      return [['red', 'expired']]
    case 'missing':
      return [['red', 'missing']]
  }
}

function age(at: string | null, now: Milliseconds): string {
  if (at === null) return '-'
  return formatDuration(Math.max(0, Math.floor((now - Date.parse(at)) / MS_PER_SECOND)))
}

/** The age of a copy and the last failure, for `interdict check`, which never downloads. */
export function copyLines(list: ListView): string[] {
  const { id, tried, failures, error } = list
  const failed =
    failures === 0 || error === null
      ? []
      : [`list ${id}: the last attempt failed ${age(tried, Date.now())} ago: ${errorText(error)}`]
  return [...ageLine(list), ...failed].map(escapeControls)
}

function ageLine({ id, source, fetched, quarantined, state, zone }: ListView): string[] {
  if (fetched === null) return []
  const expired =
    state === 'expired' && zone !== null
      ? `; it expired ${age(zone.expires, Date.now())} ago but is still in force`
      : ''
  const more = quarantined === null ? expired : '; a newer one is quarantined, see interdict lists'
  return [`list ${id}: the copy of ${source} is ${age(fetched, Date.now())} old${more}`]
}
