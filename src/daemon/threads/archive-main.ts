/**
 * The process that keeps the archive of the query log: started when there is something to do, at
 * the lowest priority, and ended by whatever happens to the gateway. It may die at any moment:
 * what is half made is made anew.
 */
import { spawnSync } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import {
  readArchiveContents,
  type ArchiveContents
} from '../../querylog/archive/archive-contents.js'
import { withArchiveLock } from '../../querylog/archive/archive-lock.js'
import { LogLayout } from '../../querylog/archive/log-layout.js'
import { maintainArchive } from '../../querylog/archive/maintain.js'
import type { ArchiveInit, FromArchive } from '../querylog/archiver.js'
import { createThreadLog } from './messages.js'
import { serializeError } from './serialized-error.js'

// Before any thread of DuckDB is started, for they inherit it; files are for owner and group only.
setPriority(constants.priority.PRIORITY_LOW)
// SCHED_IDLE (sched(7)), where there is chrt: who wakes up gets the core at once. With a low priority
// alone a gateway that has all to do answers 18% less meanwhile, with this 0 to 4% less.
spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)], { stdio: 'ignore' })
process.umask(0o027)
// There is nobody to work for any more, and DuckDB cannot be asked to stop within a step.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

const tell = (message: FromArchive): void => void process.send!(message)
const log = createThreadLog(tell)

process.once('message', (start: ArchiveInit) => {
  const names = new LogLayout(start.path)
  void withArchiveLock(names, () => maintainArchive(start, Date.now(), log))
    .catch(warn)
    .then(done => {
      const finished = { kind: 'done', done: done ?? false, standing: found(names) } as const
      process.send!(finished satisfies FromArchive, () => process.exit())
    })
})

function found(names: LogLayout): ArchiveContents | undefined {
  try {
    return readArchiveContents(names)
  } catch (error) {
    warn(error)
    return undefined
  }
}

function warn(error: unknown): void {
  const { code, message } = serializeError(error)
  log.warn({ code }, message)
}
