import { readdirSync, readFileSync } from 'node:fs'
import type { Milliseconds, Octets } from '../../src/base/units.js'

/** CPU time of a server, children included, in clock ticks of the kernel. */
export interface CpuTicks {
  readonly user: number
  readonly system: number
}

/** USER_HZ, fixed at 100 on every architecture that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100
export const MICROSECONDS_PER_TICK = 1e6 / TICKS_PER_SECOND

/** Fields of /proc/PID/stat counted from the one after the name in brackets (proc(5)). */
const FIELD = { parent: 1, utime: 11, stime: 12, cutime: 13, cstime: 14 }

/** All threads of the process and its descendants, the ended ones included. */
export function cpuOf(pid: number): CpuTicks {
  let user = 0
  let system = 0
  for (const fields of familyOf(pid).map(statOf)) {
    user += Number(fields[FIELD.utime] ?? 0) + Number(fields[FIELD.cutime] ?? 0)
    system += Number(fields[FIELD.stime] ?? 0) + Number(fields[FIELD.cstime] ?? 0)
  }
  return { user, system }
}

/** CPU time of each thread of the process that runs, by its id: /proc/PID/task/TID/schedstat, in nanoseconds. */
export function threadsOf(pid: number): ReadonlyMap<number, Milliseconds> {
  const threads = readdirSync(`/proc/${pid}/task`).map(Number)
  return new Map(
    threads.map(id => [id, Number(read(`/proc/${pid}/task/${id}/schedstat`).split(' ')[0]) / 1e6])
  )
}

/** Resident memory of the process and its descendants. */
export function residentOf(pid: number): Octets {
  let total = 0
  for (const member of familyOf(pid)) {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(read(`/proc/${member}/status`))?.[1] ?? '0'
    total += Number(kilobytes) * 1024
  }
  return total
}

/** Memory that could be given to a new process, as the kernel estimates it. */
export function availableMemory(): Octets {
  return Number(/MemAvailable:\s+(\d+) kB/.exec(read('/proc/meminfo'))?.[1] ?? '0') * 1024
}

function familyOf(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    if (/^\d+$/.test(entry)) parents.set(Number(entry), Number(statOf(Number(entry))[FIELD.parent]))
  }
  const family = [pid]
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child)
  }
  return family
}

function statOf(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** Empty where the process has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
