import { join, resolve } from 'node:path'
import * as z from 'zod'
import type { Position } from '../../base/errors/position.js'
import { duration } from '../../policy/yaml/quantity.js'
import type { SectionContext } from '../../policy/yaml/section.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import {
  SCHEDULED_KINDS,
  type ReportTime,
  type ScheduledKind,
  type ScheduledReport,
  type SmtpConfig
} from './report-config.js'

const MAX_REPORTS = 32
const MAX_RECIPIENTS = 50
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const TIME =
  /^(?:(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun)|([1-9]|1\d|2[0-8])) )?((?:[01]\d|2[0-3]):[0-5]\d)$/

/** When a report is made unless the settings say so. */
const DEFAULT_TIMES: Readonly<Record<ScheduledKind, string>> = {
  daily: '06:00',
  weekly: 'Mon 06:00',
  monthly: '1 06:00',
  ban: '1 06:00',
  bypass: 'Mon 06:00',
  dnssec: '1 06:00'
}

/** `06:00` every day, `Mon 06:00` every week, `1 06:00` every month. */
export function readReportTime(text: string): ReportTime | undefined {
  const [, weekday, monthDay, clock] = TIME.exec(text) ?? []
  if (clock === undefined) return undefined
  return {
    weekday: weekday === undefined ? undefined : DAYS.indexOf(weekday),
    monthDay: monthDay === undefined ? undefined : Number(monthDay),
    clock
  }
}

/** An address of RFC 5321 §4.1.2 in its usual form, alone or as `Name <address>`: no line breaks, no lists. */
const ADDRESS =
  /^(?:[^\p{C}<>",;@]+ )?(?:<[^\p{C}\s<>"(),;@]+@[^\p{C}\s<>"(),;@]+>|[^\p{C}\s<>"(),;@]+@[^\p{C}\s<>"(),;@]+)$/u
const address = z
  .string('an address such as reports@example.com')
  .max(320)
  .regex(ADDRESS, 'an address such as reports@example.com')

const path = z.string('a path').prefault('')

const entry = z
  .strictObject({
    name: z
      .string()
      .regex(/^([a-z0-9][a-z0-9-]{0,63})?$/, 'a name of a-z, 0-9 and -')
      .prefault(''),
    report: z.enum(SCHEDULED_KINDS),
    ban: z.string().prefault(''),
    at: z
      .union([
        z.literal('').transform(() => undefined),
        parsedString('a time such as 06:00, Mon 06:00 or 1 06:00 (day 1 to 28)', readReportTime)
      ])
      .prefault(''),
    folder: path,
    keep: duration('1d', '36500d').prefault('400d'),
    mail: z
      .strictObject({ from: address, to: z.array(address).min(1).max(MAX_RECIPIENTS) })
      .optional()
  })
  .superRefine(({ report: kind, ban }, context) => {
    if ((kind === 'ban') === (ban !== '')) return
    const message = kind === 'ban' ? 'the id of the ban' : 'no ban: it is for the report ban'
    context.addIssue({ code: 'custom', path: ['ban'], message })
  })

/** The name of a report without one. */
const nameOf = ({ name, report, ban }: z.output<typeof entry>): string =>
  name !== '' ? name : report === 'ban' ? `ban-${ban.replaceAll(/[^a-z0-9-]/g, '-')}` : report

export const reportsSchema = z
  .array(entry)
  .max(MAX_REPORTS)
  .superRefine((reports, context) => {
    const names = reports.map(nameOf)
    for (const [i, name] of names.entries()) {
      if (names.indexOf(name) === i) continue
      context.addIssue({ code: 'custom', path: [i, 'name'], message: 'a name that no other has' })
    }
  })
  .prefault([])

/** RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3. */
const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host)

export const smtpSchema = z
  .strictObject({
    host: z
      .string()
      .regex(/^([A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?|::1)?$/, 'a host name or address')
      .prefault(''),
    port: z.int().min(1).max(65_535).prefault(587),
    tls: z.enum(['starttls', 'tls', 'none']).prefault('starttls'),
    user: z.string().max(320).prefault(''),
    'password-file': path,
    'ca-file': path,
    timeout: duration('1s', '10m').prefault('1m')
  })
  .superRefine((smtp, context) => {
    const { host, tls, user } = smtp
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message })
    if (tls === 'none' && host !== '' && !isLoopback(host))
      refuse('tls', 'starttls or tls, since reports would cross the network in clear text')
    if ((user === '') !== (smtp['password-file'] === ''))
      refuse(user === '' ? 'user' : 'password-file', 'a value, as for the other of the two')
  })
  .prefault({})

/** Paths are relative to the folder of the settings. @param state folder of the gateway's state */
export function reportsOf(
  reports: z.output<typeof reportsSchema>,
  { folder, positionOf }: SectionContext,
  state: string
): ScheduledReport[] {
  return reports.map((one, i) => ({
    position: positionOf(['reports', i, 'ban']),
    name: nameOf(one),
    kind: one.report,
    ban: one.ban === '' ? undefined : one.ban,
    at: one.at ?? readReportTime(DEFAULT_TIMES[one.report])!,
    folder: one.folder === '' ? join(state, 'reports') : resolve(folder, one.folder),
    keep: one.keep,
    mail: one.mail
  }))
}

/** @returns undefined: no mail server is set */
export function smtpOf(
  smtp: z.output<typeof smtpSchema>,
  folder: string,
  position: Position
): SmtpConfig | undefined {
  const { host, port, tls, user, timeout } = smtp
  const file = (text: string): string | undefined =>
    text === '' ? undefined : resolve(folder, text)
  if (host === '') return undefined
  return {
    ...{ host, port, tls, timeout, position },
    user: user === '' ? undefined : user,
    passwordFile: file(smtp['password-file']),
    caFile: file(smtp['ca-file'])
  }
}
