import type { CoverageList } from './coverage-lists.js'
import { coverage, ownCoverage, type Comparison } from './comparison.js'

export interface Measured {
  readonly list: CoverageList
  readonly comparison: Comparison
}

/** What the page has of the lists, each between two comments. */
export type Section = 'coverage' | 'lists'

const count = (value: number): string => value.toLocaleString('en-US')
const percent = (value: number): string => `${(value * 100).toFixed(1)}%`

/** The coverage of all lists, as a Markdown table. */
export function coverageTable(measured: readonly Measured[]): string {
  const head = 'app | list | names | app | pairs | other apps | shared | missing | of all | of own'
  const rows = measured.map(({ list, comparison }) => {
    const { names, own, paired, others, shared, missing } = comparison
    const counts = [names, own, paired, others, shared, missing].map(count)
    const shares = [coverage(comparison), ownCoverage(comparison)].map(percent)
    const id = `${list.id}${list['is-evidence'] ? ' (evidence)' : ''}`
    return [list.app, id, ...counts, ...shares]
  })
  return table([head.split(' | '), ...rows], 2)
}

/** What the lists are and where they come from, as a Markdown table. */
export function listsTable(lists: readonly CoverageList[]): string {
  const rows = lists.map(list => [list.id, list.about, placesOf(list)])
  return table([['list', 'what', 'where'], ...rows], 3)
}

/** A link to the file, or to the folder of several files. */
function placesOf({ urls }: CoverageList): string {
  const url = urls[0]!
  const raw = /^https:\/\/raw\.githubusercontent\.com\/([^/]+\/[^/]+)\/([^/]+)\/(.*)$/.exec(url)
  if (raw === null) return `<${url}>`
  const [, repository, commit, path] = raw
  const shown = urls.length === 1 ? path! : path!.split('/')[0]!
  const link = `[${repository!}](https://github.com/${repository!}/tree/${commit!}/${shown})`
  return urls.length === 1 ? link : `${link}, ${urls.length} files`
}

/** The page with a new table. @throws Error if the page has no place for it */
export function replaceTable(page: string, section: Section, table: string): string {
  const [begin, end] = [
    `<!-- ${section}: npm run catalogue -- --write -->`,
    `<!-- end of ${section} -->`
  ]
  const [from, until] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || until < from) throw new Error(`the page lacks ${begin} or ${end}`)
  return `${page.slice(0, from)}${begin}\n\n${table}\n\n${page.slice(until)}`
}

/** @param texts number of columns of text; further ones are numbers, aligned to the right */
function table(rows: readonly (readonly string[])[], texts: number): string {
  const widths = rows[0]!.map((_, i) => Math.max(3, ...rows.map(row => row[i]!.length)))
  const isNumber = (i: number): boolean => i >= texts
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(' | ')} |`
  const rule = widths.map(
    (width, i) => '-'.repeat(isNumber(i) ? width - 1 : width) + (isNumber(i) ? ':' : '')
  )
  return [line(rows[0]!), `| ${rule.join(' | ')} |`, ...rows.slice(1).map(line)].join('\n')
}
