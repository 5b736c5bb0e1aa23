import { writeFileSync } from 'node:fs'
import { failure } from '../../base/error.js'
import { toCsv } from '../../report/output/csv.js'
import { toJson } from '../../report/output/json.js'
import { toMarkdown } from '../../report/output/markdown.js'
import { banReport } from '../../report/questions/ban.js'
import { bypass } from '../../report/questions/bypass.js'
import { daily } from '../../report/questions/daily.js'
import { newNames } from '../../report/questions/new-names.js'
import { overview } from '../../report/questions/overview.js'
import type { Selection } from '../../report/questions/selection.js'
import { KEYS, type Key } from '../../report/questions/tally.js'
import type { Report } from '../../report/report.js'
import { readCatalogue, type CatalogueApp } from '../../rules/apps/catalogue.js'
import { showPattern } from '../../rules/model/pattern.js'
import { clientsCalled } from '../args/clients-called.js'
import { givenNames } from '../args/given-names.js'
import { checkIds } from '../args/known-ids.js'
import { openLog, type OpenLog } from '../args/log-database.js'
import type { LogOptions } from '../args/log-path.js'
import { dayOf, readPeriod, type PeriodOptions } from '../args/period.js'
import { ownFiles, readRules } from '../args/read-rules.js'
import { settings } from '../args/settings.js'
import { EXIT, usage } from '../exit.js'
import { print, type Io, withoutColours } from '../io.js'
import { banFacts } from '../output/ban-facts.js'
import { terminalWidth } from '../output/columns.js'
import { proofOf } from '../output/proof-fact.js'
import { toText } from '../output/report-text.js'

export interface ReportOptions extends LogOptions, PeriodOptions {
  readonly ban?: string
  readonly app?: string
  readonly network?: string
  readonly client?: string
  readonly name?: string
  readonly by: string
  readonly top: string
  readonly all?: boolean
  readonly format: string
  readonly output?: string
}

const FORMATS = ['table', 'json', 'csv', 'markdown', 'html'] as const
const QUESTIONS = ['daily', 'ban', 'bypass', 'new-names'] as const
const WEEK = 7 * 86_400_000

/** `interdict report`: what the query log says, as a table, a page or a file for other programs. */
export async function report(
  words: readonly string[],
  options: ReportOptions,
  io: Io
): Promise<number> {
  const [question, id, ...more] = words
  among('report', question, QUESTIONS)
  among('--by', options.by, KEYS)
  among('--format', options.format, FORMATS)
  if (question === 'ban' && id === undefined) usage('report ban: wanted the id of a ban')
  if (more.length > 0 || (question !== 'ban' && id !== undefined)) usage('report: too many words')
  const rest = selectionOf(options)
  const top = readTop(options.top)
  const log = await openLog(options, io)
  try {
    const { client } = options
    const found =
      client === undefined
        ? undefined
        : await clientsCalled(log.database, client, { ...rest, all: true }, options)
    const { ban, app, network } = options
    const unsure = await checkIds(log.database, { ban: id ?? ban, app, network }, options, io)
    const selection = { ...rest, clients: found?.clients }
    const made = await answer(log, question as Question | undefined, {
      id,
      selection,
      top,
      options,
      io
    })
    const told = [...unsure, ...(found?.remarks ?? []), ...made.remarks]
    const remarks = [...told, ...(await log.remarks())]
    log.quiet()
    put(
      await shownAs({ ...made, remarks }, options.format, terminalWidth(io.stdout)),
      options.output,
      io
    )
  } finally {
    log.close()
  }
  return EXIT.success
}

type Question = (typeof QUESTIONS)[number]

interface Asked {
  readonly id: string | undefined
  readonly selection: Selection
  readonly top: number
  readonly options: ReportOptions
  readonly io: Io
}

async function answer(log: OpenLog, question: Question | undefined, asked: Asked): Promise<Report> {
  const { id, selection, top, options, io } = asked
  const { database } = log
  switch (question) {
    case undefined:
      return overview(database, options.by as Key, selection, top)
    case 'daily':
      return daily(
        database,
        { ...selection, ...dayOf(selection) },
        titlesOf(await apps(options)),
        top
      )
    case 'ban': {
      const { loaded } = await readRules(await settings(options), io)
      return banReport(
        database,
        id!,
        selection,
        loaded.ok ? banFacts(id!, loaded.rules) : undefined,
        top,
        await proofOf(options)
      )
    }
    case 'bypass': {
      const ways = (await apps(options)).filter(({ entry }) => entry.kind === 'bypass')
      return bypass(
        database,
        selection,
        ways.map(({ entry }) => entry.app),
        top
      )
    }
    case 'new-names': {
      const since = selection.since ?? (selection.until ?? Date.now()) - WEEK
      return newNames(database, { ...selection, since }, listedBy(await apps(options)), top)
    }
  }
}

/** None where the catalogue cannot be read: the log says enough without it. */
async function apps(options: ReportOptions): Promise<readonly CatalogueApp[]> {
  const [files] = (await ownFiles(await settings(options))).files
  if (files === undefined) return []
  const catalogue = await readCatalogue(files)
  return catalogue.ok ? catalogue.apps : []
}

function titlesOf(apps: readonly CatalogueApp[]): ReadonlyMap<string, string> {
  return new Map(apps.map(({ entry }) => [entry.app, entry.title]))
}

function listedBy(apps: readonly CatalogueApp[]): (app: string, name: string) => boolean {
  const names = new Map(
    apps.map(({ entry }) => [
      entry.app,
      new Set(entry.names.map(({ name }) => showPattern(name).replace(/^=/, '')))
    ])
  )
  return (app, name) => names.get(app)?.has(name) === true
}

function selectionOf(options: ReportOptions): Selection {
  const { ban, app, network, name, all } = options
  return {
    ...readPeriod(options),
    ban,
    app,
    network,
    all,
    name: name === undefined ? undefined : givenNames(name)
  }
}

function readTop(text: string): number {
  const isWhole = /^\d{1,6}$/.test(text) && Number(text) > 0
  return isWhole ? Number(text) : usage(`--top: ${text} is no number of rows`)
}

async function shownAs(report: Report, format: string, width: number): Promise<string> {
  if (format === 'json') return toJson(report)
  if (format === 'csv') return toCsv(report)
  if (format === 'markdown') return toMarkdown(report)
  if (format === 'table') return toText(report, width)
  // ECharts is large, and only pages have charts.
  const { toHtml } = await import('../../report/output/html.js')
  return toHtml(report)
}

/** @throws InterdictError CLI_OUTPUT */
export function put(text: string, output: string | undefined, io: Io): void {
  if (output === undefined) {
    print(io, text)
    return
  }
  try {
    writeFileSync(output, withoutColours(text))
  } catch (error) {
    throw failure('CLI_OUTPUT', output, error instanceof Error ? error.message : String(error))
  }
}

function among(what: string, given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return
  usage(`${what}: ${given} is not one of ${known.join(', ')}`)
}
