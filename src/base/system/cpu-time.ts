import { openSync, readSync } from 'node:fs'
import type { Milliseconds } from '../units.js'

/** Of Node 23.9 and later. */
type ThreadCpuUsage = () => { readonly user: number; readonly system: number }
const usage = (process as { threadCpuUsage?: ThreadCpuUsage }).threadCpuUsage?.bind(process)

const MICROSECONDS_PER_MS = 1000
const NANOSECONDS_PER_MS = 1_000_000
/** Of the thread that reads it: nanoseconds on a CPU come first. proc(5), Linux. */
const SCHEDSTAT = '/proc/thread-self/schedstat'

const SPACE = 0x20
/** More than its three numbers have. */
const SCHEDSTAT_SIZE = 64

/** CPU time of this thread; where the system does not say, the time that has passed, which is longer on a busy machine. */
export const cpuTime: () => Milliseconds = usage === undefined ? withoutUsage() : ofUsage(usage)

function ofUsage(read: ThreadCpuUsage): () => Milliseconds {
  return () => {
    const { user, system } = read()
    return (user + system) / MICROSECONDS_PER_MS
  }
}

function withoutUsage(): () => Milliseconds {
  try {
    // Kept open, as every verified signature reads it twice. It stays the file of the thread that opened it.
    const file = openSync(SCHEDSTAT, 'r')
    const text = Buffer.alloc(SCHEDSTAT_SIZE)
    const read = (): Milliseconds => {
      readSync(file, text, 0, SCHEDSTAT_SIZE, 0)
      return Number(text.toString('latin1', 0, text.indexOf(SPACE))) / NANOSECONDS_PER_MS
    }
    if (read() > 0) return read
  } catch {
    // Not Linux, or a kernel without it.
  }
  return () => performance.now()
}
