/**
 * The process that maintains the archive of the query log: started when there is work, at a low
 * priority, and killed together with the gateway. It may be killed at any moment: a half-finished step
 * is done again.
 */
import { getPriority, setPriority } from 'node:os'
import { readArchiveContents, type ArchiveContents } from '../archive/archive-contents.js'
import { withArchiveLock } from '../archive/archive-lock.js'
import { LogLayout } from '../files/log-layout.js'
import { maintainArchive } from '../archive/maintain.js'
import { retainHistory } from './history-retention.js'
import type { ArchiveInit, FromArchive } from './archiver.js'
import { nameProcess } from '../../base/system/process-name.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import { serializeError } from '../../base/errors/serialized-error.js'

nameProcess('interdict-log')
/**
 * A nice value: a tenth of a core that others keep busy, so that each run ends. With SCHED_IDLE a run took minutes beside other
 * programs, and the gateway answered no more queries at full load (5% fewer than alone, against 8%).
 */
const PRIORITY = 10

// Before DuckDB starts its threads, which inherit the priority.
setPriority(Math.max(PRIORITY, getPriority()))
// Files are for owner and group only.
process.umask(0o027)
// The gateway is gone, and DuckDB cannot be interrupted within a step.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

const post = (message: FromArchive): void => void process.send!(message)
const log = createThreadLog(post)

process.once('message', (init: ArchiveInit) => {
  const layout = new LogLayout(init.path)
  const maintain = async (): Promise<boolean> => {
    const now = Date.now()
    const done = await maintainArchive(init, now, log, Date.now)
    return (await retainHistory(init.history, layout, init.keep, now, log)) && done
  }
  void withArchiveLock(layout, log, maintain)
    .catch(warn)
    .then(done => {
      const finished = {
        kind: 'done',
        done: done ?? false,
        stored: readContents(layout)
      } as const
      process.send!(finished satisfies FromArchive, () => process.exit())
    })
})

function readContents(layout: LogLayout): ArchiveContents | undefined {
  try {
    return readArchiveContents(layout)
  } catch (error) {
    warn(error)
    return undefined
  }
}

function warn(error: unknown): void {
  const { code, message } = serializeError(error)
  log.warn({ code }, message)
}
