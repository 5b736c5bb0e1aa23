import { stat } from 'node:fs/promises'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Octets, Seconds } from '../../base/units.js'
import type { Comparison } from './comparison.js'
import { isCapture, readerOf, detectFormat, type Format } from './formats/formats.js'
import { TimestampReader } from './formats/timestamps.js'
import { FrameSplitter } from './frames.js'
import { LineSplitter } from './lines.js'
import { openLog } from './log-source.js'

/** Number of unreadable lines that are reported one by one. */
const MAX_REPORTED = 20

/** A line, frame or packet that could not be parsed. */
export interface Unreadable {
  /** From 1; for dnstap, the number of the frame. */
  readonly line: number
  readonly why: string
}

/** Summary of one log. */
export interface ReadLog {
  readonly file: string
  readonly format: Format
  readonly lookups: number
  /** Lookups of the log that those are a random sample of; undefined: they are all. */
  readonly sampledOf?: number
  readonly lines: number
  /** Number of lines that could not be parsed; the first of them are listed. */
  readonly unreadable: number
  readonly firstUnreadable: readonly Unreadable[]
}

export interface ReplayOptions {
  /** Format of all logs; undefined: detected by the first lines. */
  readonly format: Format | undefined
  /** Time zone of times without one. */
  readonly zone: string
  readonly now: Seconds
  /** Called after each chunk with the octets read so far. */
  readonly progress?: (file: string, read: Octets) => void
}

/**
 * Reads one log and passes its lookups to a comparison.
 *
 * @throws InterdictError REPLAY_UNREADABLE, REPLAY_FOREIGN
 */
export async function replayLog(
  file: string,
  comparison: Comparison,
  options: ReplayOptions
): Promise<ReadLog> {
  const source = openLog(file)
  const stamps = new TimestampReader(options.zone, await modifiedAt(file, options.now))
  const replay = new LogReplay(file, comparison, stamps, options)
  try {
    for await (const chunk of source.chunks) {
      replay.push(chunk)
      options.progress?.(file, source.read())
    }
  } catch (error) {
    // The part before the truncation is valid.
    if (!(error instanceof InterdictError) || error.code !== 'REPLAY_TORN') throw error
    replay.truncated(error.message)
  }
  return replay.end()
}

/**
 * Passes lookups of an Interdict query log to a comparison, from any source of lines.
 *
 * @param feed calls `push` with the octets of the lines, chunk by chunk
 * @throws InterdictError REPLAY_FOREIGN, and what `feed` throws
 */
export async function replayLines(
  file: string,
  feed: (push: (octets: Buffer) => void) => Promise<void>,
  comparison: Comparison,
  options: Omit<ReplayOptions, 'format'>
): Promise<ReadLog> {
  const stamps = new TimestampReader(options.zone, options.now)
  const replay = new LogReplay(file, comparison, stamps, { ...options, format: 'interdict' })
  await feed(octets => replay.push(octets))
  return replay.end()
}

async function modifiedAt(file: string, now: Seconds): Promise<Seconds> {
  try {
    return file === '-' ? now : Math.floor((await stat(file)).mtimeMs / 1000)
  } catch {
    // Opening the file reports the error.
    return now
  }
}

/** State of the replay of one log. */
class LogReplay {
  private format: Format | undefined
  private cutter: LineSplitter | FrameSplitter | undefined
  private atEnd: (() => string | undefined) | undefined
  private lines = 0
  private unreadable = 0
  private readonly firstUnreadable: Unreadable[] = []
  private readonly lookupsBefore: number

  constructor(
    readonly file: string,
    readonly comparison: Comparison,
    readonly stamps: TimestampReader,
    readonly options: ReplayOptions
  ) {
    this.lookupsBefore = comparison.counts.lookups
    this.format = options.format
  }

  push(chunk: Buffer): void {
    this.cutter ??= this.begin(chunk)
    this.cutter.push(chunk)
  }

  truncated(why: string): void {
    this.lines++
    this.addUnreadable(why)
  }

  /** @throws InterdictError REPLAY_FOREIGN if no line could be parsed */
  end(): ReadLog {
    this.cutter?.end()
    const why = this.atEnd?.()
    if (why !== undefined) this.addUnreadable(why)
    const { file } = this
    const lookups = this.comparison.counts.lookups - this.lookupsBefore
    if (lookups === 0 && this.unreadable > 0) {
      const { line, why } = this.firstUnreadable[0]!
      throw failure('REPLAY_FOREIGN', `${file}:${line}`, this.format ?? '', why)
    }
    return {
      file,
      format: this.format ?? 'interdict',
      lookups,
      lines: this.lines,
      unreadable: this.unreadable,
      firstUnreadable: this.firstUnreadable
    }
  }

  private begin(first: Buffer): LineSplitter | FrameSplitter {
    const format = this.format ?? detectFormat(first)
    if (isCapture(first)) throw failure('REPLAY_CAPTURE', this.file)
    if (format === undefined) throw failure('REPLAY_UNKNOWN', this.file)
    this.format = format
    this.comparison.hasNetworks = format === 'interdict'
    const reader = readerOf(format, this.comparison, this.stamps)
    this.atEnd = () => reader.end?.()
    const take = (octets: Buffer, from: Octets, to: Octets): void => {
      this.lines++
      const why = reader.line(octets, from, to)
      if (why !== undefined) this.addUnreadable(why)
    }
    return format === 'dnstap' ? new FrameSplitter(take) : new LineSplitter(take)
  }

  private addUnreadable(why: string): void {
    if (this.unreadable++ < MAX_REPORTED) this.firstUnreadable.push({ line: this.lines, why })
  }
}
