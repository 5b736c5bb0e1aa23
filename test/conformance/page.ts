import { format, resolveConfig } from 'prettier'
import { scenarioFiles } from '../resolver/files.js'
import { readScenario, type Scenario } from '../resolver/scenario.js'
import type { Row, Rows } from './rows.js'

export const PAGE = 'docs/reference/conformance.md'

const HEAD = `# Conformance

How Interdict behaves where RFCs specify it or operators rely on it, and which test shows it. \`npm run conformance\`
generates this page from the scenarios and from \`test/conformance/rows.yaml\`; a test keeps it current. Files are below
\`test/\`. Scenarios (\`scenarios/…\`) run on every path and over real sockets; quoted titles are other tests.
`

/** A scenario and its file. */
export interface Shown {
  readonly file: string
  readonly scenario: Scenario
}

export function shownScenarios(): Shown[] {
  return scenarioFiles.map(file => ({ file, scenario: readScenario(`test/scenarios/${file}`) }))
}

/** Rows without a test or scenario, and scenarios without a row. */
export function unmatched(rows: Rows, scenarios: readonly Shown[]): string[] {
  const ids = new Set(Object.values(rows).flatMap(section => Object.keys(section)))
  const shown = new Set(scenarios.flatMap(({ scenario }) => list(scenario.shows)))
  const tested = (id: string): boolean =>
    Object.values(rows).some(section => (section[id]?.tests ?? []).length > 0)
  return [
    ...scenarios.flatMap(({ file, scenario }) => {
      const shows = list(scenario.shows)
      if (shows.length === 0) return [`${file} names no row in shows`]
      return shows.filter(id => !ids.has(id)).map(id => `${file} shows ${id}, which is not a row`)
    }),
    ...[...ids].filter(id => !shown.has(id) && !tested(id)).map(id => `nothing shows ${id}`)
  ]
}

/** The text of the page, formatted by prettier. */
export async function pageOf(rows: Rows, scenarios: readonly Shown[]): Promise<string> {
  const sections = Object.entries(rows).map(([heading, section]) => {
    const lines = Object.entries(section).flatMap(([id, row]) => linesOf(id, row, scenarios))
    return `## ${heading}\n\n| topic | behaviour | specified in | shown by |\n|-|-|-|-|\n${lines.join('\n')}\n`
  })
  const options = (await resolveConfig(PAGE)) ?? {}
  return format([HEAD, ...sections].join('\n'), { ...options, parser: 'markdown' })
}

function linesOf(id: string, row: Row, scenarios: readonly Shown[]): string[] {
  const cells = [
    ...scenarios
      .filter(({ scenario }) => list(scenario.shows).includes(id))
      .map(({ file, scenario }) => [
        scenario.it,
        list(scenario.rfc).join('; '),
        `\`scenarios/${file}\``
      ]),
    ...row.tests.map(test => [
      test.says,
      test.rfc ?? '',
      `\`${test.in}\`: “${test.title.replace(/\$\{[^}]*\}/g, '…')}”`
    ])
  ]
  return cells.map(
    (line, i) => `| ${[i === 0 ? row.what : '', ...line].map(escaped).join(' | ')} |`
  )
}

function list(one: string | readonly string[] | undefined): readonly string[] {
  return one === undefined ? [] : typeof one === 'string' ? [one] : one
}

/** Escapes Markdown in a table cell, except in code. */
function escaped(text: string): string {
  return text.replace(/\|/g, '\\|').replace(/(?<!`[^`]*)([*_<])/g, '\\$1')
}
