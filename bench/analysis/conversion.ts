import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startArchive, type ArchiveStart } from '../../src/gateway/archiver.js'
import type { Milliseconds, Seconds } from '../../src/base/units.js'
import { availableParallelism } from 'node:os'
import { putLoad } from '../kit/load.js'
import { spreadOf, type Spread } from '../kit/numbers.js'
import { cpuOf, MICROSECONDS_PER_TICK } from '../kit/proc.js'
import { Server } from '../kit/server.js'
import { Workshop } from '../kit/workshop.js'
import { interdict as OURS } from '../peers/interdict.js'

const NAMES = 1_000_000
const CLOSED = 'queries-20260101T000000.000Z.jsonl'

/** What the conversion of a closed file takes, alone and while the gateway has all to do. */
export interface Conversion {
  readonly lines: number
  readonly alone: Spread
  /** Answers a second, in turns of a few seconds: with the conversion stopped, and with it at work. */
  readonly quiet: Spread
  readonly busy: Spread
  /** Share of answers a second that is lost, turn by turn. */
  readonly loss: Spread
  /** CPU that the conversion got in a second of such a turn. */
  readonly cpu: Seconds
}

/** The process that the gateway starts, with a file of its own to convert. */
class Converter {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>

  /** @param lines a file of lines, which stays: the one that is converted is a link to it */
  constructor(lines: string, folder: string) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    linkSync(lines, join(folder, CLOSED))
    this.child = startArchive()
    this.ended = once(this.child, 'exit')
    const path = join(folder, 'queries.jsonl')
    const threads = availableParallelism()
    this.child.send({
      path,
      threads,
      parquet: true,
      chain: undefined,
      keep: undefined
    } satisfies ArchiveStart)
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

export async function measureAlone(
  lines: string,
  folder: string,
  rounds: number
): Promise<readonly Milliseconds[]> {
  const times: Milliseconds[] = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    await new Converter(lines, folder).ended
    times.push(performance.now() - began)
  }
  return times
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
): Promise<Omit<Conversion, 'lines' | 'alone'>> {
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
