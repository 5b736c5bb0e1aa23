import type { Milliseconds, Octets } from '../../src/base/units.js'
import { spreadOf, type Spread } from '../kit/numbers.js'

/** One operation of one room. */
export interface Case {
  readonly name: string
  /**
   * Does the operation `times` times, over inputs that differ, as a loop inside the case: a call
   * per operation would cost more than many of them.
   *
   * @returns any number that depends on the work, so that none of it is optimised away
   */
  readonly run: (times: number) => number
}

export interface Measured {
  readonly name: string
  /** Nanoseconds of one operation, over the rounds. */
  readonly time: Spread
  /** Heap taken by one operation. */
  readonly allocated: Octets
}

const WARM_UP: Milliseconds = 300
const ROUND: Milliseconds = 60
/** Few enough that V8 collects no garbage in between, many enough to see an octet in each. */
const COUNTED = 2000

/** Where results go, so that V8 has to compute them. */
let sink = 0

export function measure({ name, run }: Case, rounds: number): Measured {
  const times = calibrate(run)
  const nanoseconds = Array.from({ length: rounds }, () => (clock(run, times) * 1e6) / times)
  return { name, time: spreadOf(nanoseconds), allocated: allocation(run) }
}

/** How many operations fill a round; warms up on the way. */
function calibrate(run: Case['run']): number {
  let times = 1000
  let took = clock(run, times)
  for (let spent = took; spent < WARM_UP; spent += took) {
    if (took < ROUND) times = Math.ceil(times * Math.min(10, ROUND / Math.max(took, 0.01)))
    took = clock(run, times)
  }
  return Math.max(1000, Math.ceil((times * ROUND) / took))
}

/** CPU time, not time on the wall: others may be using the machine. */
function clock(run: Case['run'], times: number): Milliseconds {
  const since = process.cpuUsage()
  sink = (sink + run(times)) | 0
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

/** The smallest of several looks: a look that sees a collection sees too much or too little. */
function allocation(run: Case['run']): Octets {
  const looks = Array.from({ length: 15 }, () => {
    const before = process.memoryUsage().heapUsed
    sink = (sink + run(COUNTED)) | 0
    return process.memoryUsage().heapUsed - before
  })
  // Reading memoryUsage leaves some octets of its own.
  const own = Math.min(...looks.filter(look => look >= 0))
  return Number.isFinite(own) ? Math.round(own / COUNTED) : 0
}
