import { pino } from 'pino'
import type { Octets } from '../../base/units.js'
import { ServiceFile } from './service-file.js'
import { formatTerminalLine } from './terminal-line.js'

/** Structured data beside the message, flat, by name. An error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>

/** The service log: events of the program itself, not of queries. */
export interface ServiceLog {
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** The service log as the thread that writes it sees it. */
export interface ReopenableServiceLog extends ServiceLog {
  /** Reopens the file by name, after log rotation by another program. */
  reopen(): void
}

export const LOG_LEVELS = ['info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface ServiceLogOptions {
  readonly level: LogLevel
  /** A file to append to, or standard error. */
  readonly destination: { readonly path: string } | 'stderr'
}

/** Limit for output that the reader of `stderr` has not read; further lines are lost. */
const MAX_UNREAD: Octets = 1024 * 1024

/** The stream `stderr` and its properties. */
export interface Terminal {
  readonly isTTY?: boolean | undefined
  /** Octets that the reader has not taken yet. */
  readonly writableLength?: Octets
  write(text: string): unknown
}

/**
 * Creates the service log of the control thread; workers send their entries there. Entries are JSON
 * lines (`time`, `level`, `msg`, then the fields) in a file or a pipe; on a terminal they are short
 * lines, in colour unless NO_COLOR is set. Written synchronously, so that the last line before a
 * crash is not lost. Lines that the file does not accept go to `terminal`.
 *
 * Throws the system error when the file cannot be opened.
 */
export function createServiceLog(
  { level, destination }: ServiceLogOptions,
  terminal: Terminal = process.stderr,
  environment: { readonly NO_COLOR?: string } = process.env
): ReopenableServiceLog {
  const settings = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) }
  }
  const colours = (environment.NO_COLOR ?? '') === ''
  const write = (json: string): void => {
    if ((terminal.writableLength ?? 0) > MAX_UNREAD) return
    terminal.write(terminal.isTTY === true ? formatTerminalLine(json, colours) : json)
  }
  if (destination === 'stderr') {
    return Object.assign(pino(settings, { write: write }), { reopen: () => undefined })
  }
  const { path } = destination
  const file = new ServiceFile(path, write, () =>
    log.warn({ path }, 'service log was deleted; created it again')
  )
  const log = pino(settings, { write: (line: string) => file.write(line) })
  return Object.assign(log, { reopen: () => reopen(file, log) })
}

function reopen(file: ServiceFile, log: ServiceLog): void {
  try {
    file.reopen()
  } catch (error) {
    log.error({ err: error }, 'cannot reopen the service log; still writing to the old file')
  }
}
