import type { Column, Report, Value } from '../report.js'
import { shown } from './shown.js'

/** GitHub's Markdown; what stands in the log is text in it and no markup. */
export function toMarkdown({ title, facts, tables, remarks }: Report): string {
  const blocks = [
    `# ${escaped(title)}`,
    facts.map(([label, ...lines]) => `- **${label}**: ${lines.map(escaped).join('; ')}`).join('\n'),
    ...tables.flatMap(({ title, says, columns, rows, none }) => [
      `## ${escaped(title)}`,
      escaped(says),
      rows.length === 0 ? escaped(none) : tableOf(columns, rows)
    ]),
    remarks.map(remark => `> ${escaped(remark)}`).join('\n>\n')
  ]
  return `${blocks.filter(block => block !== '').join('\n\n')}\n`
}

function tableOf(columns: readonly Column[], rows: readonly (readonly Value[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(columns.map(({ title }) => escaped(title))),
    line(columns.map(({ kind }) => (isNumber(kind) ? '--:' : ':--'))),
    ...rows.map(row => line(row.map((value, i) => escaped(shown(value, columns[i]!.kind)))))
  ].join('\n')
}

/** Kinds that stand at the right, so that digits are below digits. */
export function isNumber(kind: Column['kind']): boolean {
  return kind === 'count' || kind === 'share' || kind === 'change'
}

/** Every sign that could be markup; signs within numbers and times could not. */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#~&]/g, sign => `\\${sign}`).replace(/^([-+]) /, '\\$1 ')
}
