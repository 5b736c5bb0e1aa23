import { formatValue, withoutZeroColumns } from '../../../analysis/report/output/format-value.js'
import { isNumber } from '../../../analysis/report/output/markdown.js'
import type { Column, Report, Table } from '../../../analysis/report/report.js'
import { paint } from '../../io.js'
import { columns, greatest, wrap, type Cell, type Row } from '../columns.js'

/** A space that `wrap` neither breaks at nor removes. */
const FIXED_SPACE = '\u00a0'
/** Least width of the labels of facts. */
const LABEL = 18

/** @param width of the terminal, in columns */
export function toText({ title, timeZone, facts, tables, remarks }: Report, width: number): string {
  const labels = Math.max(LABEL, greatest(facts, ([label]) => label.length) + 2)
  const lines = [
    ...wrap(title, width).map(line => paint('bold', line)),
    ...facts.flatMap(([label, ...lines]) => factLines(label, lines, { labels, width })),
    '',
    ...tables.flatMap(table => [...tableLines(table, tables.length > 1, width, timeZone), '']),
    ...remarks.flatMap(remark => [...wrap(remark, width), ''])
  ]
  return `${lines.slice(0, -1).join('\n')}\n`
}

function factLines(
  label: string,
  texts: readonly string[],
  { labels, width }: { readonly labels: number; readonly width: number }
): string[] {
  const lines = texts.flatMap(text => wrap(text, width - labels))
  return lines.map((line, i) => `${(i === 0 ? label : '').padEnd(labels)}${line}`)
}

function tableLines(table: Table, withTitle: boolean, width: number, timeZone: string): string[] {
  const { title, description } = table
  const head = withTitle
    ? [paint('bold', title), ...wrap(description, width)]
    : wrap(description, width)
  return [...head, ...gridOf(table, width - 2, timeZone).map(line => `  ${line}`)]
}

/** The rows of a table, without its title. @param timeZone of timestamps */
export function gridOf(table: Table, width: number, timeZone = 'UTC'): string[] {
  if (table.rows.length === 0) return wrap(table.emptyText, width)
  const { columns: heads, rows } = withoutZeroColumns(table)
  const texts = rows.map(row => row.map((value, i) => formatValue(value, heads[i]!.kind, timeZone)))
  const widths = heads.map(({ title }, i) =>
    Math.max(
      title.length,
      greatest(texts, row => row[i]!.length)
    )
  )
  const aligned = (text: string, i: number): string =>
    isNumber(heads[i]!.kind) ? text.padStart(widths[i]!, FIXED_SPACE) : text
  const grid = texts.map((row): Row => ({ cells: row.map((text, i): Cell => [aligned(text, i)]) }))
  const lines = columns(
    heads.map(({ title }: Column, i) => aligned(title, i)),
    grid,
    width
  )
  return lines.map(line => line.replaceAll(FIXED_SPACE, ' '))
}

/** The rows of a table as lists of their columns, without NULL: for a terminal that is narrower than the table. */
export function fieldsOf({ columns: heads, rows }: Table, width: number, before = 0): string[] {
  const lines = rows.flatMap((row, i): Row[] => [
    { across: [['bold', `row ${before + i + 1}`]] },
    ...heads.flatMap(({ title, kind }, at): Row[] => {
      const value = row[at] ?? null
      return value === null ? [] : [{ cells: [[title], [formatValue(value, kind, 'UTC')]] }]
    })
  ])
  return columns(['column', 'value'], lines, width)
}
