import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { columns, type Cell, type Row } from './columns.js'
import type { ListView } from './lists-view.js'
import { lasting, number } from './show.js'

const HEAD = ['list', 'source', 'entries', 'age', 'last try', 'state']

/** For a terminal; colours only there. */
export function toText(lists: readonly ListView[], width: number, now: Milliseconds): string {
  if (lists.length === 0) return 'the rules have no lists\n'
  const rows = lists.flatMap((list): Row[] => {
    const { trouble } = list
    const across = [...zoneText(list, now), ...(trouble === null ? [] : [troubleText(trouble)])]
    return [{ cells: cellsOf(list, now) }, ...across.map(text => ({ across: [text] }))]
  })
  return `${columns(HEAD, rows, width).join('\n')}\n`
}

function cellsOf(list: ListView, now: Milliseconds): Cell[] {
  const { id, source, entries, fetched, tried } = list
  return [[id], [source], [number(entries)], [age(fetched, now)], [age(tried, now)], stateOf(list)]
}

const troubleText = ({ code, message }: NonNullable<ListView['trouble']>): string =>
  `${message} (${code})`

/** `serial 17 of hq, confirmed 5 min ago, asked for again in 55 min` */
function zoneText({ zone }: ListView, now: Milliseconds): string[] {
  if (zone === null) return []
  const { serial, primary, confirmed, due, expires } = zone
  const next =
    Date.parse(due) <= now ? 'now' : `in ${age(new Date(now).toISOString(), Date.parse(due))}`
  const end = Date.parse(expires)
  const over = end > now ? '' : `, expired ${age(expires, now)} ago and in force still`
  const last = `confirmed ${age(confirmed, now)} ago${over}`
  return [`serial ${serial} of ${primary}, ${last}, asked for again ${next}`]
}

function stateOf({ state, held, failures }: ListView): Cell {
  switch (state) {
    case 'local':
      return ['local']
    case 'good':
      return [['green', 'good']]
    case 'held':
      return [['yellow', `held back: ${number(held!.entries)}`]]
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
  return lasting(Math.max(0, Math.floor((now - Date.parse(at)) / MS_PER_SECOND)))
}

/** For `interdict check`, which never fetches: how old the copy is. */
export function ageLine({ id, source, fetched, held, state, zone }: ListView): string[] {
  if (fetched === null) return []
  const isOver = state === 'expired' && zone !== null
  const over = isOver
    ? `; it expired ${age(zone.expires, Date.now())} ago, and is in force still`
    : ''
  const more = held === null ? over : '; a newer one is held back, see interdict lists'
  return [
    `list ${id}: the copy of ${escapeControls(source)} is ${age(fetched, Date.now())} old${more}`
  ]
}
