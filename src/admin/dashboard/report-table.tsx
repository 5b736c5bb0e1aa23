import { urlOf } from '../web/pages.js'
import { format, fromReport, t, word } from './state.js'
import { Table } from './table.js'

type Row = Readonly<Record<string, string | number | null>>

/** Rows that one sees before more are asked for. */
const SHORT = 20
const DAY = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/
const LINKS: Readonly<Record<string, 'app' | 'network' | 'client' | 'ban' | 'name'>> = {
  app: 'app',
  network: 'network',
  client: 'client',
  ban: 'ban',
  name: 'name'
}

/** Columns whose values are words, and the texts for those. */
const WORDS: Readonly<Record<string, string>> = { match: 'match', what: 'notice', kind: 'kind' }

/** A table of a report, with links to the lookups behind it. */
export function ReportTable({
  id,
  title,
  rows
}: {
  readonly id: string
  readonly title: string
  readonly rows: readonly Row[]
}) {
  const columns = Object.keys(rows[0] ?? {}).filter(key =>
    rows.some(row => row[key] !== null && row[key] !== 0)
  )
  const isNumber = (key: string): boolean =>
    rows.every(row => row[key] === null || typeof row[key] === 'number')
  const greatest = Math.max(...rows.map(({ share }) => Number(share ?? 0)), Number.MIN_VALUE)
  const table = (shown: readonly Row[], exported: readonly Row[] | false) => (
    <Table
      id={id}
      exported={exported}
      label={title}
      hasHeadings={false}
      rows={shown}
      columns={columns.map(key => ({
        title: word('report', key),
        kind: isNumber(key) ? ('n' as const) : ('break' as const),
        cell: (row: Row) => (
          <>
            {key === 'share' && <ShareBar part={Number(row.share) / greatest} />}
            <Cell name={key} value={row[key] ?? null} isList={id === key || id === `${key}s`} />
          </>
        )
      }))}
    />
  )
  if (rows.length <= SHORT) return table(rows, rows)
  return (
    <>
      {table(rows.slice(0, SHORT), rows)}
      <details>
        <summary>{t('reports.more', { n: rows.length - SHORT })}</summary>
        {table(rows.slice(SHORT), false)}
      </details>
    </>
  )
}

/** As long as a share is of the greatest of its column. */
function ShareBar({ part }: { readonly part: number }) {
  return (
    <span class="share-bar" aria-hidden="true">
      <i style={{ width: `${100 * part}%` }} />
    </span>
  )
}

interface CellProps {
  readonly name: string
  readonly value: string | number | null
  /** Whether the table is about these; elsewhere the column may have words. */
  readonly isList: boolean
}

function Cell({ name, value, isList }: CellProps) {
  if (value === null) return <>–</>
  if (typeof value === 'number') {
    if (name === 'change') return <>{format.value.change(value)}</>
    return <>{name === 'share' ? format.value.share(value) : format.value.count(value)}</>
  }
  if (DAY.test(value) || (name === 'day' && TIME.test(value)))
    return <span class="date">{format.value.day(value)}</span>
  if (TIME.test(value)) return <span class="date">{format.value.dateTime(value)}</span>
  const filter = LINKS[name]
  if (name in WORDS) return <>{word(WORDS[name]!, value)}</>
  if (name === 'ban' && !isList) return <>{fromReport(value)}</>
  if (filter === undefined || value === '-') return <>{value}</>
  return <a href={urlOf('log', { [filter]: filter === 'name' ? `=${value}` : value })}>{value}</a>
}

/** What one needs to know to trust a report. */
export function Remarks({ remarks }: { readonly remarks: readonly string[] }) {
  return (
    <>
      {remarks.map(remark => {
        const text = fromReport(remark)
        return (
          <p key={remark} class="note" lang={text === remark ? 'en' : undefined}>
            {text}
          </p>
        )
      })}
    </>
  )
}
