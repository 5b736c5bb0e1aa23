import { isNumber } from '../../report/output/markdown.js'
import { formatValue } from '../../report/output/format.js'
import type { Column, Report, Table } from '../../report/report.js'
import { paint } from '../io.js'
import { columns, greatest, wrap, type Cell, type Row } from './columns.js'

/** A blank that lines are not broken at, and that stands at their beginning, too. */
const STEADY = '\u00a0'
/** Columns of the labels of facts. */
const LABEL = 18

/** For a terminal; colours only there. */
export function toText({ title, facts, tables, remarks }: Report, width: number): string {
  const lines = [
    ...wrap(title, width).map(line => paint('bold', line)),
    ...facts.flatMap(([label, ...lines]) => factLines(label, lines, width)),
    '',
    ...tables.flatMap(table => [...tableLines(table, tables.length > 1, width), '']),
    ...remarks.flatMap(remark => [...wrap(remark, width), ''])
  ]
  return `${lines.slice(0, -1).join('\n')}\n`
}

function factLines(label: string, texts: readonly string[], width: number): string[] {
  const lines = texts.flatMap(text => wrap(text, width - LABEL))
  return lines.map((line, i) => `${(i === 0 ? label : '').padEnd(LABEL)}${line}`)
}

function tableLines(table: Table, withTitle: boolean, width: number): string[] {
  const { title, description: says } = table
  const head = withTitle ? [paint('bold', title), ...wrap(says, width)] : wrap(says, width)
  return [...head, ...gridOf(table, width - 2).map(line => `  ${line}`)]
}

/** The table alone. */
export function gridOf({ columns: heads, rows, emptyText: none }: Table, width: number): string[] {
  if (rows.length === 0) return wrap(none, width)
  const texts = rows.map(row => row.map((value, i) => formatValue(value, heads[i]!.kind)))
  const widths = heads.map(({ title }, i) =>
    Math.max(
      title.length,
      greatest(texts, row => row[i]!.length)
    )
  )
  const aligned = (text: string, i: number): string =>
    isNumber(heads[i]!.kind) ? text.padStart(widths[i]!, STEADY) : text
  const grid = texts.map((row): Row => ({ cells: row.map((text, i): Cell => [aligned(text, i)]) }))
  const lines = columns(
    heads.map(({ title }: Column, i) => aligned(title, i)),
    grid,
    width
  )
  return lines.map(line => line.replaceAll(STEADY, ' '))
}
