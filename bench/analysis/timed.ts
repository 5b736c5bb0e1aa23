import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Milliseconds, Octets } from '../../src/base/units.js'
import { spreadOf, type Spread } from '../kit/numbers.js'
import { PACKAGE } from '../kit/place.js'
import { END_WITH_PARENT } from '../kit/processes.js'

/** How often a process is asked for the most memory that it had. */
export const LOOK: Milliseconds = 20
/** A question that takes longer is given up. */
const LIMIT: Milliseconds = 600_000

/** What one run of a program came to. */
export interface Timed {
  readonly time: Milliseconds
  /** Resident, at its height. */
  readonly peak: Octets
  readonly out: string
}

export interface Rounds {
  readonly time: Spread
  readonly peak: Octets
  readonly out: string
}

/** Runs a program to its end. @throws Error with what it said, if it failed */
export function timed(command: readonly string[]): Promise<Timed> {
  const began = performance.now()
  const [program, ...words] = [...END_WITH_PARENT, ...command]
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT })
  let [peak, out, err] = [0, '', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const timer = setInterval(() => (peak = Math.max(peak, heightOf(child.pid))), LOOK)
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('close', code => {
      clearInterval(timer)
      const time = performance.now() - began
      if (code === 0) done({ time, peak, out })
      else fail(new Error(`${command.join(' ')} ended with ${code}: ${err}`))
    })
  })
}

/** 0 where the process has just ended. */
export function heightOf(pid: number | undefined): Octets {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

export async function inRounds(command: readonly string[], rounds: number): Promise<Rounds> {
  const runs: Timed[] = []
  for (let round = 0; round < rounds; round++) runs.push(await timed(command))
  return {
    time: spreadOf(runs.map(({ time }) => time)),
    peak: Math.max(...runs.map(({ peak }) => peak)),
    out: runs[0]!.out
  }
}

/** The shipped command, asked as an analyst does. */
export function interdict(...words: readonly string[]): string[] {
  return [process.execPath, join(PACKAGE, 'dist/bundle/bin/interdict.js'), ...words]
}
