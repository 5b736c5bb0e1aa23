import type { Column, Report, Table } from '../report.js'
import { formatValue, withoutZeroColumns } from './format-value.js'

/** GitHub-flavoured Markdown; text from the log is escaped. */
export function toMarkdown({ title, timeZone, facts, tables, remarks }: Report): string {
  const blocks = [
    `# ${escaped(title)}`,
    facts.map(([label, ...lines]) => `- **${label}**: ${lines.map(escaped).join('; ')}`).join('\n'),
    ...tables.flatMap(table => [
      `## ${escaped(table.title)}`,
      escaped(table.description),
      table.rows.length === 0 ? escaped(table.emptyText) : tableMarkdown(table, timeZone)
    ]),
    remarks.map(remark => `> ${escaped(remark)}`).join('\n>\n')
  ]
  return `${blocks.filter(block => block !== '').join('\n\n')}\n`
}

function tableMarkdown(table: Table, timeZone: string): string {
  const { columns, rows } = withoutZeroColumns(table)
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(columns.map(({ title }) => escaped(title))),
    line(columns.map(({ kind }) => (isNumber(kind) ? '--:' : ':--'))),
    ...rows.map(row =>
      line(row.map((value, i) => escaped(formatValue(value, columns[i]!.kind, timeZone))))
    )
  ].join('\n')
}

/** Right-aligned kinds. */
export function isNumber(kind: Column['kind']): boolean {
  return kind === 'count' || kind === 'share' || kind === 'change'
}

/** Escapes characters that could be markup. */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#~&]/g, sign => `\\${sign}`).replace(/^([-+]) /, '\\$1 ')
}
