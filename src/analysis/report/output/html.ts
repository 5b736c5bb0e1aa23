import type { Column, Fact, Kind, Origin, Report, Table, Tile, Value } from '../report.js'
import { drawChart, NARROW, WIDE } from './chart.js'
import { formatValue, withoutZeroColumns } from './format-value.js'
import { MAIL_STYLE, PAGE_POLICY, STYLE } from './style.js'

/** `mail`: without charts, which most mail programs do not show, and with every table open. */
export type Medium = 'page' | 'mail'

/** One self-contained file: no script and no external resource, and its content security policy allows none. */
export function toHtml(report: Report, origin: Origin, medium: Medium = 'page'): string {
  const { title, timeZone, facts, tables, remarks, tiles = [] } = report
  const isElsewhere = ([label, text]: Fact): boolean =>
    tiles.some(({ title }) => title === label) || text === origin.rules?.sha256
  const shown = facts.filter(fact => !isElsewhere(fact))
  const policy = `<meta http-equiv="Content-Security-Policy" content="${escaped(PAGE_POLICY)}">\n`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${medium === 'page' ? policy : ''}<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${medium === 'page' ? STYLE : MAIL_STYLE}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">Interdict on ${escaped(origin.gateway)}</p>
<h1>${escaped(title)}</h1>
</header>
${tiles.length === 0 ? '' : tilesHtml(tiles, timeZone)}
<dl class="facts">
${shown.map(([label, ...lines]) => pairHtml(label, lines)).join('\n')}
</dl>
${remarks.length === 0 ? '' : `<div class="remarks">${remarks.map(remark => `<p>${escaped(remark)}</p>`).join('')}</div>`}
${tables.map(table => sectionHtml(table, timeZone, medium)).join('\n')}
${originHtml(origin, timeZone)}
</main>
</body>
</html>
`
}

function pairHtml(label: string, lines: readonly string[]): string {
  return `<div><dt>${escaped(label)}</dt>${lines.map(line => `<dd>${escaped(line)}</dd>`).join('')}</div>`
}

function tilesHtml(tiles: readonly Tile[], timeZone: string): string {
  const shown = tiles.map(({ title, value, kind, note, warn }) => {
    const figure = `<dd class="figure">${escaped(formatValue(value, kind, timeZone))}</dd>`
    const text = note === undefined ? '' : `<dd class="note">${escaped(note)}</dd>`
    return `<div class="tile${warn === true ? ' warn' : ''}"><dt>${escaped(title)}</dt>${figure}${text}</div>`
  })
  return `<dl class="tiles">\n${shown.join('\n')}\n</dl>`
}

/** Where the page comes from, for a reader who has nothing but the page. */
function originHtml({ gateway, version, generated, rules }: Origin, timeZone: string): string {
  const at = `${formatValue(generated, 'time', timeZone)} (${timeZone})`
  const serial =
    rules?.serial === undefined || rules.serial === null ? '' : `, bundle ${rules.serial}`
  const pairs: [string, string][] = [
    ['Generated', at],
    ['Gateway', gateway],
    ['Version', `Interdict ${version}`],
    ['Rules', rules === undefined ? 'not read' : `SHA-256 ${rules.sha256}${serial}`]
  ]
  return `<footer><dl>\n${pairs.map(([label, text]) => pairHtml(label, [text])).join('\n')}\n</dl></footer>`
}

function sectionHtml(table: Table, timeZone: string, medium: Medium): string {
  const { id, title, description, emptyText, chart } = table
  const hasChart = chart !== undefined && medium === 'page'
  // A marked row must be seen.
  const isOpen = !hasChart || table.marks?.some(mark => mark !== null) === true
  const picture = hasChart
    ? `<figure role="img" aria-label="${escaped(`${title}: ${description}`)}"><div class="wide">${drawChart(chart, WIDE)}</div><div class="narrow">${drawChart(chart, NARROW)}</div></figure>\n`
    : ''
  return `<section id="${escaped(id)}">
<h2>${escaped(title)}</h2>
<p>${escaped(description)}</p>
${picture}${table.rows.length === 0 ? `<p class="none">${escaped(emptyText)}</p>` : detailsHtml(table, timeZone, isOpen)}
</section>`
}

/** A table under its chart is collapsed, since it has the same figures. */
function detailsHtml(table: Table, timeZone: string, isOpen: boolean): string {
  const { length } = table.rows
  return `<details${isOpen ? ' open' : ''}><summary>${length === 1 ? '1 row' : `${length.toLocaleString('en')} rows`}</summary>
${tableHtml(table, timeZone)}
</details>`
}

function tableHtml(table: Table, timeZone: string): string {
  const { columns, rows, title, marks } = withoutZeroColumns(table)
  const head = columns
    .map(({ title, kind }) => `<th scope="col"${CLASS[kind]}>${titleOf(title)}</th>`)
    .join('')
  const greatest = columns.map((_, i) => Math.max(...rows.map(row => Number(row[i]))))
  const body = rows.map((row, at) => {
    const mark = marks?.[at] ?? null
    const cells = row.map((value, i) => {
      const cell = { value, column: columns[i]!, greatest: greatest[i]! }
      return i === 0 ? headerCell(cell, timeZone, mark) : dataCell(cell, timeZone)
    })
    return `<tr${mark === null ? '' : ' class="warn"'}>${cells.join('')}</tr>`
  })
  const layout = columns.length > MOST_COLUMNS ? ' class="wide"' : ''
  return `<table${layout} aria-label="${escaped(title)}">
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>`
}

const SHORT_WORD = 16
/** Of a table whose rows are lines: more do not fit the page. */
const MOST_COLUMNS = 9

interface Cell {
  readonly value: Value
  readonly column: Column
  /** Of all rows. */
  readonly greatest: number
}

function headerCell(
  { value, column: { kind, title } }: Cell,
  timeZone: string,
  mark: string | null
): string {
  const badge = mark === null ? '' : ` <span class="badge">${escaped(mark)}</span>`
  const text = formatValue(value, kind, timeZone)
  // Below each other on a phone, a bare number would say nothing.
  const label = typeof value === 'number' ? ` data-label="${titleOf(title)}"` : ''
  return `<th scope="row"${classOf(text, kind)}${label}>${breakable(text)}${badge}</th>`
}

function dataCell({ value, column: { kind, title }, greatest }: Cell, timeZone: string): string {
  const isShare = kind === 'share' && typeof value === 'number' && greatest > 0
  const bar = isShare ? barHtml(value / greatest) : ''
  const text = formatValue(value, kind, timeZone)
  return `<td${classOf(text, kind)} data-label="${titleOf(title)}">${bar}${breakable(text)}</td>`
}

const DAY = /^\d{4}-\d\d-\d\d$/

/** Only long words, such as names, are broken where they do not fit. */
function classOf(text: string, kind: Kind): string {
  if (DAY.test(text)) return CLASS.day
  const isShort = kind === 'text' && text.split(' ').every(word => word.length <= SHORT_WORD)
  return isShort ? ' class="w"' : CLASS[kind]
}

/** Names and ids in it break between their parts, if they can. */
const breakable = (text: string): string =>
  escaped(text).replaceAll(/[^\s<>]{17,}/g, word => word.replaceAll(/[/+.](?=\w)/g, '$&<wbr>'))

/** `Lookups` of `lookups` */
const titleOf = (title: string): string => escaped(title[0]!.toUpperCase() + title.slice(1))

/** @param part of the greatest value of the column */
function barHtml(part: number): string {
  const width = Number((100 * part).toFixed(1))
  return `<svg aria-hidden="true" viewBox="0 0 100 8" preserveAspectRatio="none"><rect width="${width}" height="8"></rect></svg>`
}

/** Numbers are right-aligned; numbers and times do not wrap. */
const CLASS: Readonly<Record<Kind, string>> = {
  text: '',
  count: ' class="n"',
  share: ' class="n"',
  change: ' class="n"',
  time: ' class="t"',
  hour: ' class="t"',
  day: ' class="t"'
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, sign => ENTITIES[sign]!)
}
