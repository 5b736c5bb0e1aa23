import { stat } from 'node:fs/promises'
import { failure, InterdictError } from '../base/error.js'
import type { Octets, Seconds } from '../base/units.js'
import type { Comparison } from './comparison.js'
import { isCapture, readerOf, recognise, type Format } from './formats/formats.js'
import { Stamps } from './formats/stamps.js'
import { FrameCutter } from './frames.js'
import { LineCutter } from './lines.js'
import { openLog } from './source.js'

/** Most lines that cannot be read of which each is told. */
const MOST_TOLD = 20

/** A line, frame or packet that could not be read. */
export interface Unreadable {
  /** From 1; of dnstap, which frame. */
  readonly line: number
  readonly why: string
}

/** What was in one log. */
export interface ReadLog {
  readonly file: string
  readonly format: Format
  readonly lookups: number
  readonly lines: number
  /** How many lines could not be read, and the first of them. */
  readonly unreadable: number
  readonly told: readonly Unreadable[]
}

export interface ReplayOptions {
  /** What all logs are; not given: each is recognised by how it begins. */
  readonly format: Format | undefined
  /** Of times that have none. */
  readonly zone: string
  readonly now: Seconds
  /** Told after each chunk how many octets of the file are read. */
  readonly progress?: (file: string, read: Octets) => void
}

/**
 * Reads one log and gives its lookups to a comparison.
 *
 * @throws InterdictError REPLAY_UNREADABLE, REPLAY_FOREIGN
 */
export async function replayLog(
  file: string,
  comparison: Comparison,
  options: ReplayOptions
): Promise<ReadLog> {
  const source = openLog(file)
  const stamps = new Stamps(options.zone, await lastWritten(file, options.now))
  const reading = new Reading(file, comparison, stamps, options)
  try {
    for await (const chunk of source.chunks) {
      reading.push(chunk)
      options.progress?.(file, source.read())
    }
  } catch (error) {
    // What came before the end that is missing is good.
    if (!(error instanceof InterdictError) || error.code !== 'REPLAY_TORN') throw error
    reading.torn(error.message)
  }
  return reading.end()
}

/**
 * Gives the lookups of our own query log to a comparison, wherever their lines come from.
 *
 * @param feed calls what it is given with piece after piece of the lines
 * @throws InterdictError REPLAY_FOREIGN, and what `feed` throws
 */
export async function replayLines(
  file: string,
  feed: (push: (octets: Buffer) => void) => Promise<void>,
  comparison: Comparison,
  options: Omit<ReplayOptions, 'format'>
): Promise<ReadLog> {
  const stamps = new Stamps(options.zone, options.now)
  const reading = new Reading(file, comparison, stamps, { ...options, format: 'interdict' })
  await feed(octets => reading.push(octets))
  return reading.end()
}

async function lastWritten(file: string, now: Seconds): Promise<Seconds> {
  try {
    return file === '-' ? now : Math.floor((await stat(file)).mtimeMs / 1000)
  } catch {
    // Opening it will say what is wrong.
    return now
  }
}

/** One log being read, from its first chunk to its end. */
class Reading {
  #format: Format | undefined
  #cutter: LineCutter | FrameCutter | undefined
  #atEnd: (() => string | undefined) | undefined
  #lines = 0
  #unreadable = 0
  readonly #told: Unreadable[] = []
  readonly #before: number

  constructor(
    readonly file: string,
    readonly comparison: Comparison,
    readonly stamps: Stamps,
    readonly options: ReplayOptions
  ) {
    this.#before = comparison.counts.lookups
    this.#format = options.format
  }

  push(chunk: Buffer): void {
    this.#cutter ??= this.#begin(chunk)
    this.#cutter.push(chunk)
  }

  torn(why: string): void {
    this.#lines++
    this.#tell(why)
  }

  /** @throws InterdictError REPLAY_FOREIGN where lines could not be read, and none could */
  end(): ReadLog {
    this.#cutter?.end()
    const why = this.#atEnd?.()
    if (why !== undefined) this.#tell(why)
    const { file } = this
    const lookups = this.comparison.counts.lookups - this.#before
    if (lookups === 0 && this.#unreadable > 0) {
      const { line, why } = this.#told[0]!
      throw failure('REPLAY_FOREIGN', `${file}:${line}`, this.#format ?? '', why)
    }
    return {
      file,
      format: this.#format ?? 'interdict',
      lookups,
      lines: this.#lines,
      unreadable: this.#unreadable,
      told: this.#told
    }
  }

  #begin(first: Buffer): LineCutter | FrameCutter {
    const format = this.#format ?? recognise(first)
    if (isCapture(first)) throw failure('REPLAY_CAPTURE', this.file)
    if (format === undefined) throw failure('REPLAY_UNKNOWN', this.file)
    this.#format = format
    this.comparison.hasNetworks = format === 'interdict'
    const reader = readerOf(format, this.comparison, this.stamps)
    this.#atEnd = () => reader.end?.()
    const take = (octets: Buffer, from: Octets, to: Octets): void => {
      this.#lines++
      const why = reader.line(octets, from, to)
      if (why !== undefined) this.#tell(why)
    }
    return format === 'dnstap' ? new FrameCutter(take) : new LineCutter(take)
  }

  #tell(why: string): void {
    if (this.#unreadable++ < MOST_TOLD) this.#told.push({ line: this.#lines, why })
  }
}
