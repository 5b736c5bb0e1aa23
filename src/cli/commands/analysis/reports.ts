import { systemClock } from '../../../base/time/clock.js'
import { failure, InterdictError } from '../../../base/errors/error.js'
import type { Milliseconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import type { ScheduledReport } from '../../../analysis/settings/report-config.js'
import { gatewayName } from '../../../gateway/alerts/alerts.js'
import {
  bootstrapServers,
  configuredUpstreams
} from '../../../gateway/upstreams/configured-upstreams.js'
import type { ReportsRun, ReportRun } from '../../../gateway/reports/report-scheduler.js'
import { FolderLock } from '../../../lookups/files/folder-lock.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { sendMail } from '../../../analysis/report/mail/send-mail.js'
import { lastDue, nextDue } from '../../../analysis/report/schedule/due.js'
import {
  MAX_TRIES,
  retryDelay,
  ScheduleState,
  type ReportState
} from '../../../analysis/report/schedule/schedule-state.js'
import { BootstrapResolver } from '../../../sources/http/bootstrap-resolver.js'
import { listStoredReports } from '../../../analysis/views/stored-reports.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { chooseTimeZone } from '../../args/time-zone.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { columns, terminalWidth } from '../../output/columns.js'
import { makeScheduledReport, type MadeReport, type ReportContext } from './scheduled-report.js'

export interface ReportsOptions extends CommonOptions {
  readonly json?: boolean
}

/** `interdict reports list`: the stored reports, the latest first. */
export async function listReports(options: ReportsOptions, io: Io): Promise<number> {
  const { reports } = await loadSettings(options)
  const stored = listStoredReports(reports)
  if (options.json === true) {
    printJson(io, { reports: stored })
    return EXIT.success
  }
  if (reports.length === 0) print(io, 'no scheduled reports: the settings have no reports\n')
  else if (stored.length === 0) print(io, 'no stored reports yet\n')
  else {
    const rows = stored.map(({ name, title, created }) => {
      return { cells: [[name], [title], [created]] as const }
    })
    const lines = columns(['file', 'title', 'created'], rows, terminalWidth(io.stdout))
    print(io, `${lines.join('\n')}\n`)
  }
  return EXIT.success
}

interface Result {
  readonly report: string
  /** Null: not made, or not sent. */
  readonly made: MadeReport | null
  readonly error: ReportState['error']
}

/** `interdict reports send`: makes reports now, stores and mails them, whatever their schedule. */
export async function sendReports(
  names: readonly string[],
  options: ReportsOptions,
  io: Io
): Promise<number> {
  const config = await loadSettings(options)
  const reports = choose(config, names)
  const { timeZone } = await chooseTimeZone(options)
  const now = systemClock.wall()
  const results = await withContext({ config, options, io, timeZone }, async context => {
    const all: Result[] = []
    for (const report of reports) all.push(await attempt(report, now, context))
    return all
  })
  return printResults(results, options, io)
}

/** `interdict reports test`: sends a short message to the recipients of each report. */
export async function testReports(options: ReportsOptions, io: Io): Promise<number> {
  const config = await loadSettings(options)
  const gateway = gatewayName(config)
  const text = `This is a test of scheduled reports by the gateway ${gateway}.\n`
  const results = await withContext({ config, options, io, timeZone: 'UTC' }, async ({ route }) => {
    const all: Result[] = []
    for (const { name, mail } of config.reports) {
      if (mail === undefined) continue
      const message = {
        id: `test-${name}.${systemClock.wall()}`,
        subject: `Test of the report ${name} (${gateway})`,
        text,
        html: `<p>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</p>`
      }
      const made = { file: '', title: message.subject, mailed: mail.to.length }
      all.push(
        await resultOf(
          name,
          sendMail(mail, message, route!).then(() => made)
        )
      )
    }
    return all
  })
  if (results.length === 0 && options.json !== true)
    print(io, 'no mail: no report of the settings has mail\n')
  return printResults(results, options, io)
}

/**
 * `interdict reports run`: makes the reports that are due, each once, however many times were missed. The
 * gateway runs it; a report that is new is first made at its next time.
 */
export async function runReports(options: ReportsOptions, io: Io): Promise<number> {
  const run = await performRun(options, io)
  if (options.json === true) printJson(io, run)
  else for (const report of run.reports) printRun(report, io)
  return run.reports.some(({ event }) => event === 'failed' || event === 'dropped')
    ? EXIT.failure
    : EXIT.success
}

/** @throws InterdictError REPORTS_RUN, REPORTS_BUSY */
export async function performRun(options: CommonOptions, io: Io): Promise<ReportsRun> {
  const config = await loadSettings(options)
  const { timeZone, remarks } = await chooseTimeZone(options)
  // In another time zone, reports would be due at other times.
  if (remarks.length > 0) throw failure('REPORTS_RUN', remarks[0]!)
  const folder = config.state.folder
  const lockedError = (holder: string) => failure('REPORTS_BUSY', folder, holder)
  const lock = new FolderLock({ folder: `${folder}/reports-lock`, lockedError, mode: 0o750 })
  await lock.acquire()
  try {
    return await withContext({ config, options, io, timeZone }, runDue)
  } finally {
    lock.release()
  }
}

async function runDue(context: ReportContext): Promise<ReportsRun> {
  const { config, timeZone } = context
  const schedule = new ScheduleState(config.state.folder)
  const known = schedule.read()
  const states = new Map<string, ReportState>()
  const reports: ReportRun[] = []
  for (const report of config.reports) {
    const now = systemClock.wall()
    const last = lastDue(report.at, now, timeZone)
    const before = known.get(report.name) ?? newState(last)
    const isDue = Date.parse(before.done) < last && now >= Date.parse(before.retry ?? before.done)
    const result = isDue ? await attempt(report, last, context) : undefined
    const state = result === undefined ? before : stateAfter(before, result, last)
    states.set(report.name, state)
    // After each: a crash must not send the previous ones again.
    schedule.write(new Map([...known, ...states]))
    const next = state.retry ?? new Date(nextDue(report.at, now, timeZone)).toISOString()
    reports.push({
      name: report.name,
      ...{ next, made: state.made, error: state.error },
      event: result === undefined ? null : eventOf(state),
      file: result?.made?.file ?? null,
      mailed: result?.made?.mailed ?? 0
    })
  }
  schedule.write(states)
  return { reports }
}

const newState = (last: Milliseconds): ReportState => {
  return { done: new Date(last).toISOString(), failures: 0, retry: null, error: null, made: null }
}

function stateAfter(before: ReportState, { error }: Result, due: Milliseconds): ReportState {
  const done = new Date(due).toISOString()
  const now = systemClock.wall()
  if (error === null)
    return { done, failures: 0, retry: null, error, made: new Date(now).toISOString() }
  const failures = before.failures + 1
  // Some recipients have got it, and would get it again.
  if (error.code === 'REPORT_RECIPIENT' || failures >= MAX_TRIES)
    return { ...before, done, failures: 0, retry: null, error }
  const retry = new Date(now + retryDelay(failures)).toISOString()
  return { ...before, failures, retry, error }
}

const eventOf = ({ error, retry }: ReportState): ReportRun['event'] =>
  error === null ? 'made' : retry === null ? 'dropped' : 'failed'

/** Reports with these names; all without names. */
function choose({ reports }: Config, names: readonly string[]): readonly ScheduledReport[] {
  const known = reports.map(({ name }) => name)
  for (const name of names) {
    if (known.includes(name)) continue
    usageError(`reports send: ${name} is not one of ${known.join(', ') || 'no reports'}`)
  }
  return names.length === 0 ? reports : reports.filter(({ name }) => names.includes(name))
}

/** The name of the mail server is resolved by the upstreams, never by this gateway. */
async function withContext<T>(
  context: Omit<ReportContext, 'route'>,
  work: (context: ReportContext) => Promise<T>
): Promise<T> {
  const { config } = context
  const { smtp } = config
  if (smtp === undefined) return work({ ...context, route: undefined })
  const servers = bootstrapServers(config, configuredUpstreams(config).upstreams)
  const resolver = BootstrapResolver.open(servers)
  try {
    const route = { smtp, gateway: gatewayName(config), lookup: resolver.lookup }
    return await work({ ...context, route })
  } finally {
    resolver.close()
  }
}

const attempt = (
  report: ScheduledReport,
  due: Milliseconds,
  context: ReportContext
): Promise<Result> => resultOf(report.name, makeScheduledReport(report, due, context))

async function resultOf(report: string, making: Promise<MadeReport>): Promise<Result> {
  try {
    return { report, made: await making, error: null }
  } catch (error) {
    if (!(error instanceof InterdictError)) throw error
    const { code, message } = error as InterdictError
    return { report, made: null, error: { code, message } }
  }
}

function printResults(results: readonly Result[], options: ReportsOptions, io: Io): number {
  const ok = results.every(({ error }) => error === null)
  if (options.json === true) printJson(io, { ok, reports: results })
  else for (const result of results) printResult(result, io)
  return ok ? EXIT.success : EXIT.failure
}

function printResult({ report, made, error }: Result, io: Io): void {
  if (error !== null) {
    io.stderr.write(`${report}: ${escapeControls(error.message)} (${error.code})\n`)
    return
  }
  const { file, mailed } = made!
  const stored = file === '' ? [] : [`stored as ${file}`]
  const mail = mailed === 0 ? [] : [`sent to ${mailed} ${mailed === 1 ? 'address' : 'addresses'}`]
  print(io, `${report}: ${[...stored, ...mail].join(', ')}\n`)
}

function printRun({ name, event, error, file, mailed, next }: ReportRun, io: Io): void {
  if (event === null) print(io, `${name}: not due before ${next}\n`)
  else {
    const made = file === null ? null : { file, title: '', mailed }
    printResult({ report: name, made, error: event === 'made' ? null : error }, io)
  }
}
