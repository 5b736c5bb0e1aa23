import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { Count, Example, ReasonCount } from '../../replay/change-tally.js'
import { CHANGE_KINDS, type ChangeKind } from '../../replay/comparison.js'
import { formatCount, formatNumber } from './format.js'
import { HEADINGS, remarks, whenText, type TopRows, type ReplayResult } from './replay-result.js'

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 0 0 1.5rem }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top; overflow-wrap: anywhere; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding-right: 0 }
.example { font-size: .875rem; opacity: .8 }
@media print { body { margin: 0; max-width: none } tr { break-inside: avoid } }`

/** A self-contained page without scripts. */
export function toHtml(result: ReplayResult): string {
  const { rules, against, counts, changes, files } = result
  const before = against === undefined ? 'the recorded answers' : against.folder
  const kinds = CHANGE_KINDS.filter(kind => changes[kind].lookups > 0)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Replay under ${escaped(rules.folder)}</title>
<style>${STYLE}
</style>
<h1>Replay under ${escaped(rules.folder)}</h1>
<p>Compared with ${escaped(before)}: <strong>${formatNumber(counts.changed)} of ${escaped(formatCount(counts.lookups, 'lookup'))} change.</strong></p>
<p>SHA-256 of the rules: <code>${escaped(rules.sha256)}</code></p>
${kinds.map(kind => section(kind, result)).join('')}<h2>Logs</h2>
${table(
  ['log', 'format', 'skipped', 'lookups'],
  files.map(file => [
    file.file,
    file.format,
    formatNumber(file.unreadable),
    formatNumber(file.lookups)
  ])
)}<h2>Notes</h2>
<ul>
${remarks(result)
  .map(text => `<li>${escaped(text)}\n`)
  .join('')}</ul>
</html>
`
}

function section(kind: ChangeKind, { changes, timeZone }: ReplayResult): string {
  const { lookups, rules, networks, clients, names } = changes[kind]
  return `<h2>${escaped(HEADINGS[kind])}: ${escaped(formatCount(lookups, 'lookup'))}</h2>
${groundTable(rules, timeZone)}${countTable('network', networks)}${countTable('client', clients)}${countTable('name', names)}`
}

function groundTable({ all, top }: TopRows<ReasonCount>, timeZone: string): string {
  const rows = top.map(
    ({ through, by, lookups, examples }) =>
      `${row([through, by, formatNumber(lookups)])}${examples.map(one => exampleRow(one, timeZone)).join('')}`
  )
  return `<table>
${headRow(['by', 'rule', 'lookups'])}${rows.join('')}${moreRow(all - top.length, 3)}</table>
`
}

function exampleRow({ at, client, name, type, was, is }: Example, timeZone: string): string {
  const text = `${whenText(at, timeZone)} ${client} ${name} ${type}: ${was} → ${is}`
  return `<tr><td class="example" colspan="3">${escaped(text)}</td></tr>\n`
}

function countTable(what: string, { all, top }: TopRows<Count>): string {
  const rows = top.map(({ what, lookups }) => [what, formatNumber(lookups)])
  return table([what, 'lookups'], rows, all - top.length)
}

function table(head: readonly string[], rows: readonly (readonly string[])[], more = 0): string {
  return `<table>\n${headRow(head)}${rows.map(row).join('')}${moreRow(more, head.length)}</table>\n`
}

function headRow(cells: readonly string[]): string {
  return rowOf('th', cells)
}

function row(cells: readonly string[]): string {
  return rowOf('td', cells)
}

/** The last cell is a number. */
function rowOf(tag: 'th' | 'td', cells: readonly string[]): string {
  const shown = cells.map((cell, i) => {
    const as = i === cells.length - 1 ? ' class="n"' : ''
    return `<${tag}${as}>${escaped(cell === '' ? '-' : cell)}</${tag}>`
  })
  return `<tr>${shown.join('')}</tr>\n`
}

function moreRow(n: number, wide: number): string {
  return n <= 0 ? '' : `<tr><td colspan="${wide}">and ${formatNumber(n)} more</td></tr>\n`
}

/** Escapes text from logs, so that it is neither markup nor a terminal sequence. */
function escaped(text: string): string {
  return escapeControls(text).replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`)
}
