import { ALL_LOOKUPS } from '../../../lookups/sql/lookups-sql.js'
import { setFlagsFromString } from 'node:v8'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { mmapLargeBlocks } from '../../../base/system/malloc.js'
import { openPipe, type Pipe } from '../../../base/system/pipe.js'
import type { Octets } from '../../../base/units.js'
import { checkFilters } from '../../../analysis/views/record-filter.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import type { Database } from '../../../lookups/archive/database.js'
import { bracketed, conditionError } from '../../../lookups/sql/condition.js'
import type { Row } from '../../../lookups/sql/duckdb.js'
import { filterConditions } from '../../../lookups/sql/filter-condition.js'
import {
  includesOwn,
  LOOKUP_FILTERS,
  type LookupFilters
} from '../../../lookups/sql/lookup-filters.js'
import type { Newest } from '../../../lookups/sql/newest-files.js'
import { timeConditions, type TimeRange } from '../../../lookups/sql/time-range.js'
import type { LogOptions } from '../../args/log-path.js'
import { withLog, type OpenLog } from '../../args/open-log.js'
import { chooseFormat } from '../../args/output-format.js'
import { parseArgument, parseWholeNumber } from '../../args/parse.js'
import { parsePeriod, type PeriodOptions } from '../../args/period-options.js'
import { givenTimeZone, type TimeZoneOptions } from '../../args/time-zone.js'
import { EXIT, usageError } from '../../exit.js'
import type { Io } from '../../io.js'
import { writeRows } from '../../output/log/query-rows.js'
import { openDestination } from '../../output/log/row-writer.js'
import { outputWidth } from '../../output/write-output.js'

export interface QueryOptions extends LogOptions, LookupFilters, PeriodOptions, TimeZoneOptions {
  readonly json?: boolean
  readonly format?: string
  readonly output?: string
  readonly where?: string
  readonly latest?: string
  readonly skip?: string
  readonly all?: boolean
}

const MAX_ROWS = 999_999_999
const FORMATS = ['table', 'json', 'jsonl', 'csv', 'parquet']
/** What sorting and grouping may take before they spill to disk, and what they may spill. */
const MEMORY: Octets = 512 * 2 ** 20
const MAX_SPILL: Octets = 16 * 2 ** 30
/** Comments, white space and semicolons. */
const NO_SQL = /--[^\n]*|\/\*[^]*?\*\/|[\s;]/g
/** Lists the columns of the view, for a call without SQL. */
const COLUMNS = `SELECT column_name AS "column", data_type AS type FROM information_schema.columns
  WHERE table_name = 'lookups' ORDER BY ordinal_position`

/** `interdict query`: one DuckDB SELECT over the query log, which can read nothing else and write nothing. */
export async function query(
  sql: string | undefined,
  options: QueryOptions,
  io: Io
): Promise<number> {
  const { output } = options
  const format = chooseFormat(options, FORMATS)
  if (format === 'parquet' && output === undefined && io.stdout.isTTY === true)
    usageError('query: Parquet is not for terminals: give --output')
  const timeZone = givenTimeZone(options) ?? 'UTC'
  const asked = askedOf(requestOf(sql, options))
  const destination = openDestination(output, io)
  try {
    const form = { format, timeZone, width: outputWidth(output, io) }
    const { problems } = await stream(asked, form, options, io, block => destination.write(block))
    destination.end()
    for (const problem of problems) io.stderr.write(`${escapeControls(problem)}\n`)
    return EXIT.success
  } catch (error) {
    destination.discard()
    throw error
  }
}

/** How rows are written. */
interface RowForm {
  readonly format: string
  readonly timeZone: string
  /** Of tables. */
  readonly width: number
}

interface Streamed {
  readonly rows: number
  readonly problems: readonly string[]
}

/** Writes all rows as they are read. */
async function stream(
  asked: Asked,
  { width, ...form }: RowForm,
  options: LogOptions,
  io: Io,
  write: (block: Uint8Array | string) => Promise<void>
): Promise<Streamed> {
  // The rows become text outside of the heap, which need not grow.
  setFlagsFromString('--semi-space-growth-factor=1')
  mmapLargeBlocks(1)
  const { sql, newest, period } = asked
  let hasBegun = false
  return asking(asked, () => {
    let plan: Plan | undefined
    let pipe: Pipe | undefined
    const work = async (log: OpenLog): Promise<Streamed> => {
      const count = await writeRows(
        log.database,
        { ...plan!, sql, ...form, pipe },
        width,
        block => {
          if (io.stdout.isTTY === true) log.hideProgress()
          hasBegun = true
          return write(block)
        }
      )
      return { rows: count, problems: newest === undefined ? await log.problems() : [] }
    }
    return withLog(options, io, work, {
      ...{ use: 'sealed', newest, period, memory: MEMORY, maxSpill: MAX_SPILL },
      ...{ output: () => (pipe = openPipe())?.path, hasBegun: () => hasBegun },
      beforeLock: async database => {
        plan = await database.plan(sql)
        // More threads would each hold rows that nothing waits for.
        if (plan.isStreaming) await database.run('SET threads = 1')
      }
    })
  })
}

type Plan = Awaited<ReturnType<Database['plan']>>

/** What is asked of the log. */
interface Asked {
  readonly sql: string
  /** That the user wrote. */
  readonly where: string | undefined
  readonly newest: Newest | undefined
  readonly period: TimeRange | undefined
}

/** Names the place of an error in the condition of the user. */
async function asking<T>({ where }: Asked, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw where === undefined ? error : conditionError(error, where)
  }
}

function askedOf(request: ParsedRequest<'query'>): Asked {
  const newest = 'sql' in request ? undefined : newestOf(request)
  const { sql } = newest ?? (request as { readonly sql: string })
  const where = 'sql' in request ? undefined : request.where
  if (sql.replaceAll(NO_SQL, '') === '') usageError('query: the SQL is empty')
  if (where?.replaceAll(NO_SQL, '') === '') usageError('--where: the condition is empty')
  const period = 'sql' in request ? undefined : request.period
  return {
    sql,
    where,
    period,
    newest: newest?.count === undefined ? undefined : (newest as Newest)
  }
}

function requestOf(sql: string | undefined, options: QueryOptions): ParsedRequest<'query'> {
  const { where, latest, skip, all, verdict } = options
  const period = parsePeriod(options, givenTimeZone(options) ?? 'UTC')
  const filters = conditionsOf(options, period)
  if (filters === undefined && [where, latest, skip, all].every(one => one === undefined))
    return { sql: sql ?? COLUMNS }
  const search = {
    ...{ where, filters, period },
    ...(includesOwn(verdict) && { probes: true }),
    ...(all !== true && {
      latest: parseWholeNumber('--latest', latest ?? '100', { max: MAX_ROWS })
    }),
    skip: parseWholeNumber('--skip', skip ?? '0', { max: MAX_ROWS })
  }
  if (all === true && (latest ?? skip) !== undefined)
    usageError('query: give --all, or --latest and --skip, not both')
  if (sql === undefined) return search
  return usageError('query: give SQL, or filters, --latest, --where and --skip, not both')
}

/** The SQL condition of the filters and the period; undefined: none is given. */
function conditionsOf(options: QueryOptions, period: TimeRange): string | undefined {
  checkFilters(options, parseArgument)
  const conditions = [...filterConditions(options), ...timeConditions(period)]
  const isGiven = LOOKUP_FILTERS.some(filter => options[filter] !== undefined)
  if (conditions.length > 0) return conditions.join(' AND ')
  // Filters that every lookup matches, such as the verdict `all`.
  return isGiven ? 'true' : undefined
}

/** @returns all rows @throws InterdictError ARCHIVE_SQL, and as `withLog` */
export async function performQuery(
  request: ParsedRequest<'query'>,
  options: LogOptions,
  io: Io
): Promise<readonly Row[]> {
  const asked = askedOf(request)
  const answer = (log: OpenLog): Promise<Row[]> => log.database.rows(asked.sql)
  const { newest, period } = asked
  const open = { use: 'sealed', newest, period, maxSpill: MAX_SPILL } as const
  return asking(asked, () => withLog(options, io, answer, open))
}

/** Writes all lookups that match to standard output. @throws InterdictError as `performQuery`, CLI_OUTPUT */
export async function performExport(
  { format, ...search }: ParsedRequest<'export'>,
  options: LogOptions,
  io: Io
): Promise<{ readonly rows: number }> {
  const asked = askedOf({ ...search, skip: 0 })
  const { stdout } = io
  const write = async (block: Uint8Array | string): Promise<void> =>
    stdout.writeBlock!(typeof block === 'string' ? Buffer.from(block) : block)
  const form = { format, timeZone: 'UTC', width: 0 }
  const { rows } = await stream(asked, form, options, io, write)
  return { rows }
}

type Search = Exclude<ParsedRequest<'query'>, { readonly sql: string }>

/**
 * The newest lookups that match a condition, or all of them as they are read. Of the archive, only files with the newest
 * are read.
 */
function newestOf({ where, filters, latest, skip, probes }: Search): Partial<Newest> & {
  readonly sql: string
} {
  const condition = bothOf(where, filters)
  const from = probes === true ? ALL_LOOKUPS : 'lookups'
  const rows = `SELECT * FROM ${from}${condition === undefined ? '' : ` WHERE ${bracketed(condition)}`}`
  if (latest === undefined) return { sql: rows }
  const sql = `${rows} ORDER BY time DESC LIMIT ${latest} OFFSET ${skip}`
  return { where: condition, count: latest + skip, sql }
}

/** The condition of the user begins the text, to be in brackets, so that errors name its lines. */
function bothOf(where: string | undefined, filters: string | undefined): string | undefined {
  return where === undefined || filters === undefined
    ? (where ?? filters)
    : `${where}\n) AND (${filters}`
}
