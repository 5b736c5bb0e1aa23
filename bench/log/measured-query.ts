import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Milliseconds, Octets } from '../../src/base/units.js'
import { heightOf, interdict, LOOK } from '../analysis/timed.js'
import { MICROSECONDS_PER_TICK } from '../kit/proc.js'
import { END_WITH_PARENT } from '../kit/processes.js'

/** One run of `interdict`. */
export interface Measured {
  /** Until the first octet of its output. */
  readonly first: Milliseconds
  readonly time: Milliseconds
  /** Of all its threads: what other programs take of the machine does not count. */
  readonly cpu: Milliseconds
  /** Resident, at its height. */
  readonly peak: Octets
  readonly octets: Octets
}

/** Runs `interdict` and drops its output. @param stopAfter octets after which nothing more is read, as `head` does */
export function measured(words: readonly string[], stopAfter = Infinity): Promise<Measured> {
  const began = performance.now()
  const [program, ...all] = [...END_WITH_PARENT, ...interdict(...words)]
  const child = spawn(program, all, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [first, peak, cpu, octets, err] = [0, 0, 0, 0, '']
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  child.stdout.on('data', (part: Buffer) => {
    if (octets === 0) first = performance.now() - began
    octets += part.length
    if (octets >= stopAfter) child.stdout.destroy()
  })
  const timer = setInterval(() => {
    peak = Math.max(peak, heightOf(child.pid))
    cpu = Math.max(cpu, cpuNow(child.pid!))
  }, LOOK)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      clearInterval(timer)
      const time = performance.now() - began
      // 141: as SIGPIPE would have ended it.
      if (code === 0 || (code === 141 && octets >= stopAfter))
        resolve({ first, time, cpu, peak, octets })
      else reject(new Error(`interdict ${words.join(' ')} ended with ${code}: ${err}`))
    })
  })
}

/** User and system time so far; 0 where it has just ended. */
function cpuNow(pid: number): Milliseconds {
  try {
    // The name of the program, which may have spaces, is in brackets.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_TICK) / 1000
  } catch {
    return 0
  }
}
