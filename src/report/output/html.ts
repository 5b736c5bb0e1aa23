import type { Kind, Report, Table } from '../report.js'
import { drawChart } from './chart.js'
import { formatValue, withoutZeroColumns } from './format.js'
import { STYLE } from './style.js'

/** One self-contained file: no script and no external resource, and its content security policy allows none. */
export function toHtml(report: Report): string {
  const { title, timeZone, facts, tables, remarks } = report
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<dl>
${facts.map(([label, ...lines]) => `<div><dt>${escaped(label)}</dt>${lines.map(line => `<dd>${escaped(line)}</dd>`).join('')}</div>`).join('\n')}
</dl>
${tables.map(table => sectionHtml(table, timeZone)).join('\n')}
${remarks.length === 0 ? '' : `<footer>${remarks.map(remark => `<p>${escaped(remark)}</p>`).join('')}</footer>`}
</main>
</body>
</html>
`
}

function sectionHtml(table: Table, timeZone: string): string {
  const { id, title, description, emptyText, chart } = table
  const picture =
    chart === undefined
      ? ''
      : `<figure role="img" aria-label="${escaped(title)}: ${escaped(description)}">${drawChart(chart)}</figure>`
  return `<section id="${escaped(id)}">
<h2>${escaped(title)}</h2>
<p>${escaped(description)}</p>
${picture}
${table.rows.length === 0 ? `<p class="none">${escaped(emptyText)}</p>` : tableHtml(table, timeZone)}
</section>`
}

function tableHtml(table: Table, timeZone: string): string {
  const { columns, rows } = withoutZeroColumns(table)
  const cell = (tag: string, text: string, i: number): string =>
    `<${tag}${CLASS[columns[i]!.kind]}>${escaped(text)}</${tag}>`
  const head = columns.map(({ title }, i) => cell('th', title, i)).join('')
  const body = rows.map(row => {
    const cells = row.map((value, i) =>
      cell('td', formatValue(value, columns[i]!.kind, timeZone), i)
    )
    return `<tr>${cells.join('')}</tr>`
  })
  return `<div class="table"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>`
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
