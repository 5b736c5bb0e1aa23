import type { Position } from '../../base/errors/position.js'
import type { Milliseconds } from '../../base/units.js'

/** Reports that can be scheduled. */
export const SCHEDULED_KINDS = ['daily', 'weekly', 'monthly', 'ban', 'bypass', 'dnssec'] as const
export type ScheduledKind = (typeof SCHEDULED_KINDS)[number]

/** When a report is made, in the time zone of the rules. */
export interface ReportTime {
  /** 0 Monday to 6 Sunday; undefined: every day, or by `monthDay`. */
  readonly weekday: number | undefined
  /** 1 to 28. */
  readonly monthDay: number | undefined
  /** Since midnight, local time: `06:00`. */
  readonly clock: string
}

/** A report that the gateway makes by itself. */
export interface ScheduledReport {
  /** In status, metrics and file names. */
  readonly name: string
  readonly kind: ScheduledKind
  /** Id of the ban, for `ban`. */
  readonly ban: string | undefined
  /** Of the setting that names the ban. */
  readonly position: Position
  readonly at: ReportTime
  /** Where it is stored. */
  readonly folder: string
  /** How long it is stored. */
  readonly keep: Milliseconds
  /** Undefined: it is only stored. */
  readonly mail: ReportMail | undefined
}

export interface ReportMail {
  readonly from: string
  readonly to: readonly string[]
}

/** The mail server. */
export interface SmtpConfig {
  readonly host: string
  readonly port: number
  /** `starttls` RFC 3207, `tls` from the first octet (RFC 8314), `none` in clear text. */
  readonly tls: 'starttls' | 'tls' | 'none'
  /** Undefined: without authentication. */
  readonly user: string | undefined
  readonly passwordFile: string | undefined
  /** CA certificates trusted in addition to the built-in ones. */
  readonly caFile: string | undefined
  /** For each step of the conversation. */
  readonly timeout: Milliseconds
  /** Position of the section, for errors of its files. */
  readonly position: Position
}
