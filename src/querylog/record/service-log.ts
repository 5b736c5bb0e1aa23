import { pino } from 'pino'
import type { Octets } from '../../base/units.js'
import { ServiceFile } from './service-file.js'
import { formatTerminalLine } from './terminal-line.js'

/** What is told besides the message: flat, by name. An error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>

/** The service log, as every room sees it: what happens to the program, not to queries. */
export interface ServiceLog {
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** The service log, as the thread sees it that writes it. */
export interface ReopenableServiceLog extends ServiceLog {
  /** For rotation by others: a file is opened anew under its name. */
  reopen(): void
}

export const LOG_LEVELS = ['info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface ServiceLogOptions {
  readonly level: LogLevel
  /** A file to append to, or where the program's errors go. */
  readonly destination: { readonly path: string } | 'stderr'
}

/** What is kept for a reader of `stderr` who reads nothing; lines beyond it are lost. */
const MAX_UNREAD: Octets = 1024 * 1024

/** The stream `stderr` and what is known of it. */
export interface Terminal {
  readonly isTTY?: boolean | undefined
  /** Not yet taken by whoever reads it. */
  readonly writableLength?: Octets
  write(text: string): unknown
}

/**
 * The service log of the control thread; workers send theirs there. JSON lines (`time`, `level`,
 * `msg`, then the fields) in a file or where nobody looks on; on a terminal one short line each,
 * in colours unless NO_COLOR is set. Written at once, so that the last line before a crash is there. What a file does not take is told as if there
 * were none.
 *
 * Throws the system's error when the file cannot be opened.
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
  const file = new ServiceFile(destination.path, write)
  const log = pino(settings, { write: (line: string) => file.write(line) })
  return Object.assign(log, { reopen: () => reopen(file, log) })
}

function reopen(file: ServiceFile, log: ServiceLog): void {
  try {
    file.reopen()
  } catch (error) {
    log.error({ err: error }, 'the service log cannot be opened anew: it goes on in the old file')
  }
}
