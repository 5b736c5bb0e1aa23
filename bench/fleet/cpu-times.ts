import type { Milliseconds } from '../../src/base/units.js'
import { cpuOf, MICROSECONDS_PER_TICK } from '../kit/proc.js'

/** CPU time of each process so far. */
export const cpuTimes = (pids: readonly number[]): Milliseconds[] =>
  pids.map(pid => {
    const { user, system } = cpuOf(pid)
    return ((user + system) * MICROSECONDS_PER_TICK) / 1000
  })
