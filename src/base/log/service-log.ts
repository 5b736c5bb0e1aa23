import { isDeepStrictEqual } from 'node:util'
import { pino } from 'pino'
import type { Octets } from '../units.js'
import { journalEntry, withPriority } from './journal-fields.js'
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
  /**
   * Opens the destination of other settings, which are used after `commit`. Throws the system error when
   * the file cannot be opened.
   */
  readonly prepare: (options: ServiceLogOptions) => {
    readonly commit: () => void
    readonly discard: () => void
  }
}

export type LogLevel = 'info' | 'warn' | 'error' | 'silent'

export interface ServiceLogOptions {
  readonly level: LogLevel
  /** A file to append to, or standard error. */
  readonly destination: { readonly path: string } | 'stderr'
}

/** Limit for output that the reader of `stderr` has not read; further lines are lost. */
const MAX_UNREAD: Octets = 1024 * 1024

/** The systemd journal, if standard error is connected to it. */
export interface Journal {
  readonly isJournal: boolean
  /** @returns a function that sends an entry and returns true on success; undefined: use standard error only */
  readonly open: () => ((entry: Buffer) => boolean) | undefined
}

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
 * The journal receives lines as entries with a level and fields, or at least with the level prefix of sd-daemon(3).
 *
 * Throws the system error when the file cannot be opened.
 */
export function createServiceLog(
  options: ServiceLogOptions,
  terminal: Terminal = process.stderr,
  environment: { readonly NO_COLOR?: string } = process.env,
  journal?: Journal
): ReopenableServiceLog {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) }
  }
  const colours = (environment.NO_COLOR ?? '') === ''
  const send = journal?.isJournal === true ? journal.open() : undefined
  const write = (json: string): void => {
    if (journal?.isJournal === true) {
      // An entry that the socket rejects, such as a very long line, goes through the stream.
      if (send?.(journalEntry(json)) !== true) terminal.write(withPriority(json))
      return
    }
    if ((terminal.writableLength ?? 0) > MAX_UNREAD) return
    terminal.write(terminal.isTTY === true ? formatTerminalLine(json, colours) : json)
  }
  const open = ({ destination }: ServiceLogOptions): Sink => {
    if (destination === 'stderr') return { write, reopen: () => undefined, close: () => undefined }
    const { path } = destination
    return new ServiceFile(path, write, () =>
      log.warn({ path }, 'service log was deleted; created it again')
    )
  }
  let current = options
  let sink = open(options)
  const log = pino(settings, { write: (line: string) => sink.write(line) })
  const prepare: ReopenableServiceLog['prepare'] = next => {
    const isSame = isDeepStrictEqual(next.destination, current.destination)
    const opened = isSame ? sink : open(next)
    return {
      commit: () => {
        if (!isSame) sink.close()
        sink = opened
        current = next
        log.level = next.level
      },
      discard: () => {
        if (!isSame) opened.close()
      }
    }
  }
  return Object.assign(log, { reopen: () => reopen(sink, log), prepare })
}

/** Where lines are written. */
interface Sink {
  write(line: string): void
  reopen(): void
  close(): void
}

function reopen(sink: Sink, log: ServiceLog): void {
  try {
    sink.reopen()
  } catch (error) {
    log.error({ err: error }, 'cannot reopen the service log; still writing to the old file')
  }
}
