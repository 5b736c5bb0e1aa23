import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, linkSync, mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Milliseconds, Octets, Seconds } from '../../src/base/units.js'
import {
  startArchive,
  type ArchiveInit,
  type FromArchive
} from '../../src/lookups/threads/archiver.js'
import { closedFiles, LogLayout } from '../../src/lookups/files/log-layout.js'
import { putLoad } from '../kit/load.js'
import { spreadOf, type Spread } from '../kit/numbers.js'
import { cpuOf, MICROSECONDS_PER_TICK } from '../kit/proc.js'
import { Server } from '../kit/server.js'
import { Workshop } from '../kit/workshop.js'
import { interdict as OURS } from '../peers/interdict.js'
import { heightOf, LOOK } from './timed.js'

const NAMES = 1_000_000
const LIVE = 'queries.jsonl'
const MIB = 2 ** 20

/** What the process takes for the closed files of a day that is over, alone. */
export interface Alone {
  readonly files: number
  /** Until the last of them is Parquet; the start of the process included. */
  readonly converting: Spread
  /** From then on: the files of the day become one, which gets its tally. */
  readonly merging: Spread
  readonly peak: Octets
}

/** What it takes while the gateway has all to do. */
export interface Loaded {
  /** Answers a second, in turns of a few seconds: with the conversion stopped, and with it at work. */
  readonly quiet: Spread
  readonly busy: Spread
  /** Share of answers a second that is lost, turn by turn. */
  readonly loss: Spread
  /** CPU that the conversion got in a second of such a turn. */
  readonly cpu: Seconds
}

/** The process that the gateway starts, with files of its own to convert. */
class Converter {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  readonly files: number
  readonly #began = performance.now()
  /** When the last file was Parquet. */
  converted: Milliseconds = 0
  peak: Octets = 0

  /** @param lines a folder of closed files, which stay: those that are converted are links to them */
  constructor(lines: string, folder: string) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const path = join(folder, LIVE)
    const closed = closedFiles(new LogLayout(join(lines, LIVE)))
    this.files = closed.length
    for (const file of closed) linkSync(join(lines, file), join(folder, file))
    this.child = startArchive()
    const timer = setInterval(() => this.#look(), LOOK)
    // It may be stopped, and would not notice that this program has ended.
    const kill = (): boolean => this.child.kill('SIGKILL')
    process.on('exit', kill)
    this.ended = once(this.child, 'exit').finally(() => {
      clearInterval(timer)
      process.off('exit', kill)
    })
    this.child.on('message', (message: FromArchive) => {
      if (message.kind === 'log' && message.fields.records !== undefined)
        this.converted = performance.now() - this.#began
    })
    const threads = availableParallelism()
    this.child.send({
      path,
      threads,
      parquet: true,
      chain: undefined,
      keep: undefined,
      history: ''
    } satisfies ArchiveInit)
  }

  #look(): void {
    this.peak = Math.max(this.peak, heightOf(this.child.pid))
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

export async function measureAlone(lines: string, folder: string, rounds: number): Promise<Alone> {
  const [converting, merging, peaks]: [Milliseconds[], Milliseconds[], Octets[]] = [[], [], []]
  let files = 0
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    const converter = new Converter(lines, folder)
    await converter.ended
    if (converter.child.exitCode !== 0) throw new Error('the process that makes Parquet failed')
    const { converted, peak } = converter
    converting.push(converted)
    merging.push(performance.now() - began - converted)
    peaks.push(peak)
    files = converter.files
  }
  return {
    files,
    converting: spreadOf(converting),
    merging: spreadOf(merging),
    peak: Math.max(...peaks)
  }
}

/** Makes one closed file of all that are in a folder. @returns the folder that it is in */
export async function asOneFile(lines: string): Promise<string> {
  const closed = closedFiles(new LogLayout(join(lines, LIVE)))
  const folder = join(lines, 'one')
  mkdirSync(folder)
  const path = join(folder, closed.at(-1)!)
  for (const file of closed) {
    const from = createReadStream(join(lines, file), { highWaterMark: MIB })
    await pipeline(from, createWriteStream(path, { flags: 'a' }))
  }
  return folder
}

/**
 * Answers a second of one worker under the closed-loop load `mixed`, which takes one core for the
 * server and one for the load, so that the conversion has nothing but what it takes from them. In
 * turns: conversion stopped, at work, at work, stopped.
 */
export async function measureUnderLoad(
  lines: string,
  folder: string,
  rounds: number,
  seconds: Seconds
): Promise<Loaded> {
  const workshop = await Workshop.open(undefined)
  const blocklist = workshop.blocklist(NAMES)
  const server = await Server.start(OURS, workshop, { blocklist, log: false })
  let converter = new Converter(lines, folder)
  const load = { queries: workshop.queries.mixed, seconds }
  const rate = async (): Promise<number> => {
    const tally = await putLoad(workshop.programs, server.port, load)
    return tally.answered / tally.seconds
  }
  let cpu = 0
  const quietly = async (): Promise<number> => {
    converter.child.kill('SIGSTOP')
    return rate()
  }
  const busily = async (): Promise<number> => {
    if (converter.isOver) converter = new Converter(lines, folder)
    converter.child.kill('SIGCONT')
    const before = cpuOf(converter.child.pid!)
    const found = await rate()
    const after = cpuOf(converter.child.pid!)
    const ticks = after.user + after.system - before.user - before.system
    cpu += (ticks * MICROSECONDS_PER_TICK) / 1e6 / seconds / rounds
    return found
  }
  try {
    // Twice: for the cache, and for V8.
    for (let i = 0; i < 2; i++) await quietly()
    const [quiet, busy]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      if (round % 2 === 0) quiet.push(await quietly())
      busy.push(await busily())
      if (round % 2 === 1) quiet.push(await quietly())
    }
    const loss = spreadOf(busy.map((one, i) => 1 - one / quiet[i]!))
    return { quiet: spreadOf(quiet), busy: spreadOf(busy), loss, cpu }
  } finally {
    await converter.kill()
    await server.stop()
    await workshop.close()
  }
}
