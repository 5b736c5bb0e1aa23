import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { Milliseconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import type { ScheduledReport } from '../../../analysis/settings/report-config.js'
import {
  sendMail,
  type MailMessage,
  type MailRoute
} from '../../../analysis/report/mail/send-mail.js'
import { toHtml } from '../../../analysis/report/output/html.js'
import type { Origin, Report } from '../../../analysis/report/report.js'
import { shiftDays, showTime } from '../../../base/time/instant.js'
import {
  ABOUT,
  listStoredReports,
  type StoredReport
} from '../../../analysis/views/stored-reports.js'
import { withLog } from '../../args/open-log.js'
import { reportPeriod } from '../../args/report-period.js'
import { checkIds } from '../../args/check-ids.js'
import type { CommonOptions } from '../../args/settings.js'
import { withoutColours, type Io } from '../../io.js'
import { toText } from '../../output/log/report-text.js'
import { makeReport, originOf } from './make-report.js'

/** Rows of each table, as `report` has without `--top`. */
const TOP = 20
/** Columns of the text of a mail: RFC 5322 §2.1.1. */
const MAIL_WIDTH = 78

/** What scheduled reports are made with. */
export interface ReportContext {
  readonly config: Config
  readonly options: CommonOptions
  readonly io: Io
  readonly timeZone: string
  /** Undefined: no mail server is set. */
  readonly route: MailRoute | undefined
}

export interface MadeReport {
  readonly file: string
  readonly title: string
  /** Addresses that it was mailed to. */
  readonly mailed: number
}

/**
 * Makes a report, stores it and mails it.
 *
 * @param due the time that it is made for: it is on the last complete period before
 * @throws InterdictError REPORT_STORE, the codes of `sendMail`, and the codes of the query log
 */
export async function makeScheduledReport(
  scheduled: ScheduledReport,
  due: Milliseconds,
  context: ReportContext
): Promise<MadeReport> {
  const { kind, ban, folder, mail, name } = scheduled
  const { options, io, timeZone, route } = context
  const period = periodOf(scheduled, due, timeZone)
  const report = await withLog(options, io, async (log): Promise<Report> => {
    await checkIds(log.database, { ban }, period, options, io)
    const made = await makeReport(log, {
      ...{ question: kind, by: 'app', id: ban, top: TOP, options, io },
      selection: { ...period, timeZone }
    })
    return { ...made, remarks: [...made.remarks, ...(await log.problems())] }
  })
  const origin = await originOf(options, io)
  const file = `${name}-${labelOf(scheduled, period, timeZone)}.html`
  const html = toHtml(report, origin)
  store(scheduled, { file, html, period, report, origin })
  if (mail === undefined || route === undefined)
    return { file: join(folder, file), title: report.title, mailed: 0 }
  const message: MailMessage = {
    id: `${file.replace(/\.html$/, '')}.${due}.${Buffer.from(origin.gateway).toString('hex')}`,
    subject: `${report.title} (${origin.gateway})`,
    text: withoutColours(toText(report, MAIL_WIDTH)),
    html: toHtml(report, origin, 'mail'),
    page: { name: file, html }
  }
  await sendMail(mail, message, route)
  return { file: join(folder, file), title: report.title, mailed: mail.to.length }
}

interface ScheduledPeriod {
  readonly since?: Milliseconds
  readonly until: Milliseconds
}

function periodOf({ kind }: ScheduledReport, due: Milliseconds, timeZone: string): ScheduledPeriod {
  if (kind === 'ban') return { until: due }
  if (kind === 'bypass') return { since: shiftDays(due, -7, timeZone), until: due }
  const { since, until } = reportPeriod(kind === 'dnssec' ? 'monthly' : kind, {}, timeZone, due)
  return { since, until }
}

/** `2026-11-10`, `2026-w46` (ISO 8601) or `2026-11`. */
function labelOf(
  { kind }: ScheduledReport,
  { since, until }: ScheduledPeriod,
  timeZone: string
): string {
  const date = showTime(since ?? until, timeZone).slice(0, 10)
  if (kind === 'monthly' || kind === 'dnssec') return date.slice(0, 7)
  if (kind === 'weekly') return weekOf(date)
  return kind === 'daily' ? date : showTime(until, timeZone).slice(0, 10)
}

/** The week of a Monday: that of its Thursday, whose year is that of the week. */
function weekOf(monday: string): string {
  const thursday = new Date(Date.parse(monday) + 3 * 86_400_000)
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1)
  const week = Math.floor((Number(thursday) - first) / (7 * 86_400_000)) + 1
  return `${thursday.getUTCFullYear()}-w${String(week).padStart(2, '0')}`
}

interface Page {
  readonly file: string
  readonly html: string
  readonly period: ScheduledPeriod
  readonly report: Report
  readonly origin: Origin
}

/** Writes the page, and what is known of it, and removes pages that are older than `keep`. */
function store(scheduled: ScheduledReport, { file, html, period, report, origin }: Page): void {
  const { folder, name, keep } = scheduled
  const { since, until } = period
  const created = Number(origin.generated)
  const about: Omit<StoredReport, 'name' | 'bytes'> = {
    report: name,
    title: report.title,
    since: since === undefined ? null : new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    created: new Date(created).toISOString()
  }
  try {
    const modes = { mode: 0o640, folderMode: 0o750 }
    writeFileAtomic(join(folder, file), html, modes)
    writeFileAtomic(join(folder, `${file}${ABOUT}`), `${JSON.stringify(about)}\n`, modes)
    for (const old of listStoredReports([scheduled])) {
      if (old.report !== name || created - Date.parse(old.created) <= keep) continue
      rmSync(join(folder, old.name))
      rmSync(join(folder, `${old.name}${ABOUT}`))
    }
  } catch (error) {
    throw failure('REPORT_STORE', join(folder, file), reasonOf(error))
  }
}
