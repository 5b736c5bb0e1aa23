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
import { findClientNames } from '../args/client-names.js'
import type { LogOptions } from '../args/log-path.js'
import { openLog, type OpenLog } from '../args/open-log.js'
import { checkChoice, parseNamePattern, parseWholeNumber } from '../args/parse.js'
import { namedDay, parsePeriod, singleDay, type Day, type PeriodOptions } from '../args/period.js'
import { checkIds } from '../args/rule-ids.js'
import { configuredFiles } from '../../daemon/reload/configured-files.js'
import { loadConfiguredRules } from '../args/rules.js'
import { loadSettings } from '../args/settings.js'
import { chooseTimeZone, type TimeZoneOptions } from '../args/time-zone.js'
import { EXIT, usageError } from '../exit.js'
import type { Io } from '../io.js'
import { banDetails } from '../output/ban-details.js'
import { chooseFormat } from '../args/output-format.js'
import { toText } from '../output/report-text.js'
import { outputWidth, writeOutput } from '../output/write-output.js'
import { verificationForReport } from './verify-log.js'

export interface ReportOptions extends LogOptions, PeriodOptions, TimeZoneOptions {
  readonly ban?: string
  readonly app?: string
  readonly network?: string
  readonly client?: string
  readonly name?: string
  readonly by: string
  readonly top: string
  readonly all?: boolean
  readonly json?: boolean
  readonly format?: string
  readonly output?: string
}

const FORMATS = ['table', 'json', 'csv', 'markdown', 'html'] as const
const QUESTIONS = ['daily', 'ban', 'bypass', 'new-names'] as const
const WEEK = 7 * 86_400_000

/** `interdict report`: a summary of the query log, as tables, a page or data. */
export async function report(
  words: readonly string[],
  options: ReportOptions,
  io: Io
): Promise<number> {
  const [question, id, ...more] = words
  checkChoice('report', question, QUESTIONS)
  checkChoice('--by', options.by, KEYS)
  if (question === 'ban' && id === undefined) usageError('report ban: give the id of a ban')
  if (more.length > 0 || (question !== 'ban' && question !== 'daily' && id !== undefined))
    usageError('report: too many arguments')
  const format = chooseFormat(options, FORMATS)
  const zone = await chooseTimeZone(options)
  const day = question === 'daily' ? parseDay(id, options, zone.timeZone) : undefined
  const base = { ...parseSelection(options, zone.timeZone), ...day }
  const top = parseWholeNumber('--top', options.top, { min: 1, max: 999_999 })
  const log = await openLog(options, io)
  try {
    const { client } = options
    const names =
      client === undefined
        ? undefined
        : await findClientNames(log.database, client, { ...base, all: true }, options)
    const { ban, app, network } = options
    const ofBan = question === 'ban' ? id : ban
    const idRemarks = await checkIds(log.database, { ban: ofBan, app, network }, options, io)
    const selection = { ...base, clients: names?.clients }
    const report = await answer(log, question as Question | undefined, {
      id,
      selection,
      top,
      options,
      io
    })
    const remarks = [
      ...zone.remarks,
      ...idRemarks,
      ...(names?.remarks ?? []),
      ...report.remarks,
      ...(await log.problems())
    ]
    log.hideProgress()
    writeOutput(
      await render({ ...report, remarks }, format, outputWidth(options.output, io)),
      options.output,
      io
    )
  } finally {
    log.close()
  }
  return EXIT.success
}

type Question = (typeof QUESTIONS)[number]

interface Request {
  readonly id: string | undefined
  readonly selection: Selection
  readonly top: number
  readonly options: ReportOptions
  readonly io: Io
}

async function answer(
  log: OpenLog,
  question: Question | undefined,
  request: Request
): Promise<Report> {
  const { id, selection, top, options, io } = request
  const { database } = log
  switch (question) {
    case undefined:
      return overview(database, options.by as Key, selection, top)
    case 'daily':
      return daily(
        database,
        { ...selection, ...singleDay(selection, selection.timeZone) },
        appTitles(await apps(options)),
        top
      )
    case 'ban': {
      const { loaded } = await loadConfiguredRules(await loadSettings(options), io)
      return banReport(
        database,
        id!,
        selection,
        loaded.ok ? banDetails(id!, loaded.rules) : undefined,
        top,
        await verificationForReport(options)
      )
    }
    case 'bypass': {
      const bypassApps = (await apps(options)).filter(({ entry }) => entry.kind === 'bypass')
      return bypass(
        database,
        selection,
        bypassApps.map(({ entry }) => entry.app),
        top
      )
    }
    case 'new-names': {
      const since = selection.since ?? (selection.until ?? Date.now()) - WEEK
      return newNames(database, { ...selection, since }, isListed(await apps(options)), top)
    }
  }
}

/** None where the catalogue cannot be read: reports work without it. */
async function apps(options: ReportOptions): Promise<readonly CatalogueApp[]> {
  const [files] = (await configuredFiles(await loadSettings(options))).files
  if (files === undefined) return []
  const catalogue = await readCatalogue(files)
  return catalogue.ok ? catalogue.apps : []
}

function appTitles(apps: readonly CatalogueApp[]): ReadonlyMap<string, string> {
  return new Map(apps.map(({ entry }) => [entry.app, entry.title]))
}

function isListed(apps: readonly CatalogueApp[]): (app: string, name: string) => boolean {
  const names = new Map(
    apps.map(({ entry }) => [
      entry.app,
      new Set(entry.names.map(({ name }) => showPattern(name).replace(/^=/, '')))
    ])
  )
  return (app, name) => names.get(app)?.has(name) === true
}

/** The day that `report daily` names. */
function parseDay(
  word: string | undefined,
  { since, until }: ReportOptions,
  timeZone: string
): Day | undefined {
  if (word === undefined) return undefined
  if (word !== 'today' && word !== 'yesterday')
    return usageError(`report daily: ${word} is not today or yesterday; for others use --since`)
  if (since !== undefined || until !== undefined)
    usageError(`report daily: give ${word}, or --since or --until, not both`)
  return namedDay(word, timeZone)
}

function parseSelection(options: ReportOptions, timeZone: string): Selection {
  const { ban, app, network, name, all } = options
  return {
    ...parsePeriod(options, timeZone),
    timeZone,
    ban,
    app,
    network,
    all,
    name: name === undefined ? undefined : parseNamePattern(name)
  }
}

async function render(report: Report, format: string, width: number): Promise<string> {
  if (format === 'json') return toJson(report)
  if (format === 'csv') return toCsv(report)
  if (format === 'markdown') return toMarkdown(report)
  if (format === 'table') return toText(report, width)
  // Loads ECharts, which is large, for pages alone.
  const { toHtml } = await import('../../report/output/html.js')
  return toHtml(report)
}
