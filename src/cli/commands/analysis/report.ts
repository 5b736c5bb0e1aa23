import { toCsv } from '../../../analysis/report/output/csv.js'
import { toJson } from '../../../analysis/report/output/json.js'
import { toMarkdown } from '../../../analysis/report/output/markdown.js'
import type { PeriodKind } from '../../../analysis/report/questions/periodic.js'
import type { Selection } from '../../../analysis/report/questions/selection.js'
import type { LookupFilters } from '../../../lookups/sql/lookup-filters.js'
import { clientRemarks } from '../../../analysis/report/questions/client-remarks.js'
import { checkFilters } from '../../../analysis/views/record-filter.js'
import { FLEET_KEY, REPORT_KEYS } from '../../../lookups/sql/report-keys.js'
import type { Report } from '../../../analysis/report/report.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { findClientNames } from '../../args/client-names.js'
import type { LogOptions } from '../../args/log-path.js'
import { withLog } from '../../args/open-log.js'
import { checkChoice, parseArgument, parseNamePattern, parseWholeNumber } from '../../args/parse.js'
import { parsePeriod, type Day, type PeriodOptions } from '../../args/period-options.js'
import { namedPeriod, reportPeriod } from '../../args/report-period.js'
import { checkIds } from '../../args/check-ids.js'
import { chooseTimeZone, type TimeZoneOptions } from '../../args/time-zone.js'
import { EXIT, usageError } from '../../exit.js'
import type { Io } from '../../io.js'
import { chooseFormat } from '../../args/output-format.js'
import { toText } from '../../output/log/report-text.js'
import { outputWidth, writeOutput } from '../../output/write-output.js'
import { makeEgressReport } from './egress-report.js'
import { makeReport, originOf, QUESTIONS, type Question } from './make-report.js'

export interface ReportOptions extends LogOptions, PeriodOptions, TimeZoneOptions {
  readonly ban?: string
  readonly app?: string
  readonly network?: string
  readonly client?: string
  readonly gateway?: string
  readonly name?: string
  readonly device?: readonly string[]
  readonly list?: readonly string[]
  readonly verdict?: readonly string[]
  readonly dnssec?: readonly string[]
  readonly transport?: readonly string[]
  readonly type?: readonly string[]
  readonly by: string
  readonly top: string
  readonly all?: boolean
  readonly json?: boolean
  readonly format?: string
  readonly output?: string
}

const FORMATS = ['table', 'json', 'csv', 'markdown', 'html'] as const
/** `interdict report`: a summary of the query log, as tables, a page or data. */
export async function report(
  args: readonly string[],
  options: ReportOptions,
  io: Io
): Promise<number> {
  const [question, id, ...more] = args
  checkChoice('report', question, QUESTIONS)
  if (more.length > 0) usageError('report: too many arguments')
  const format = chooseFormat(options, FORMATS)
  const { since, until, timeZone, ban, app, network, client, gateway, name, all, by } = options
  const { device, list, verdict, dnssec, transport, type } = options
  const request = {
    ...{ question: question as Question | undefined, id, since, until, timeZone },
    ...{ ban, app, network, client, gateway, name, all: all === true, by },
    ...{ device: copy(device), list: copy(list), verdict: copy(verdict) },
    ...{ dnssec: copy(dnssec), transport: copy(transport), type: copy(type) },
    top: parseWholeNumber('--top', options.top, { min: 1, max: 999_999 })
  }
  const made = await performReport(request, options, io)
  writeOutput(await render(made, format, options, io), options.output, io)
  return EXIT.success
}

const copy = (values: readonly string[] | undefined): string[] | undefined =>
  values === undefined ? undefined : [...values]

/** @throws InterdictError REPORT_NO_ID, and as `withLog` */
export async function performReport(
  request: ParsedRequest<'report'>,
  options: LogOptions,
  io: Io
): Promise<Report> {
  const { question, id, by, top, gateway } = request
  const { fleet } = options
  checkChoice('--by', by, fleet === undefined ? REPORT_KEYS : [...REPORT_KEYS, FLEET_KEY])
  if (gateway !== undefined && fleet === undefined) usageError('--gateway: give --fleet, too')
  if (question === 'ban' && id === undefined) usageError('report ban: give the id of a ban')
  if (question === 'egress') return makeEgressReport(request, options, io)
  const kind = PERIODIC.includes(question) ? (question as PeriodKind) : undefined
  if (question !== 'ban' && kind === undefined && id !== undefined)
    usageError('report: too many arguments')
  const zone = await chooseTimeZone({ ...options, timeZone: request.timeZone })
  const named = kind && parseWord(kind, id, request, zone.timeZone)
  const base = { ...parseSelection(request, zone.timeZone), ...named }
  // An error in the period comes before the log is read.
  if (kind !== undefined) reportPeriod(kind, base, zone.timeZone)
  return withLog(options, io, async log => {
    const { client } = request
    const names =
      client === undefined
        ? undefined
        : await findClientNames(log.database, client, { ...base, all: true }, options)
    const { ban, app, network, list } = request
    const ofBan = question === 'ban' ? id : ban
    const idRemarks = await checkIds(
      log.database,
      { ban: ofBan, app, network, list: list?.[0] },
      base,
      options,
      io
    )
    const clients = names && { ...names.clients, ofFleet: fleet !== undefined }
    const selection = { ...base, clients }
    const report = await makeReport(log, { question, by, id, selection, top, options, io })
    const remarks = [
      ...zone.remarks,
      ...idRemarks,
      ...(names?.remarks ?? []),
      ...report.remarks,
      ...(await clientRemarks(log.database, selection)),
      ...(await log.problems())
    ]
    return { ...report, remarks }
  })
}

const PERIODIC: readonly (Question | undefined)[] = ['daily', 'weekly', 'monthly']

/** The period that the second word of a report names, such as `today`. */
function parseWord(
  kind: PeriodKind,
  word: string | undefined,
  { since, until }: ParsedRequest<'report'>,
  timeZone: string
): Day | undefined {
  if (word === undefined) return undefined
  const named = namedPeriod(kind, word, timeZone)
  if (since !== undefined || until !== undefined)
    usageError(`report ${kind}: give ${word}, or --since or --until, not both`)
  return named
}

function parseSelection(request: ParsedRequest<'report'>, timeZone: string): Selection {
  const { ban, app, network, gateway, name } = request
  const others = otherFilters(request)
  checkFilters(others, parseArgument)
  return {
    ...parsePeriod(request, timeZone),
    timeZone,
    ban,
    app,
    network,
    gateway,
    // A verdict says which lookups: with or without a rule.
    all: request.all || others.verdict !== undefined,
    others,
    name: name === undefined ? undefined : parseNamePattern(name)
  }
}

function otherFilters(request: ParsedRequest<'report'>): Omit<LookupFilters, 'client'> {
  const { device, list, verdict, dnssec, transport, type } = request
  return { device, list, verdict, dnssec, transport, type }
}

async function render(
  report: Report,
  format: string,
  options: ReportOptions,
  io: Io
): Promise<string> {
  if (format === 'json') return toJson(report)
  if (format === 'csv') return toCsv(report)
  if (format === 'markdown') return toMarkdown(report)
  if (format === 'table') return toText(report, outputWidth(options.output, io))
  // Loads ECharts, which is large, for pages alone.
  const { toHtml } = await import('../../../analysis/report/output/html.js')
  return toHtml(report, await originOf(options, io))
}
