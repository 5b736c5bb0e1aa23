/**
 * The process that keeps the archive of the query log: started when there is something to do, at
 * the lowest priority, and ended by whatever happens to the gateway. It may die at any moment:
 * what is half made is made anew.
 */
import { constants, setPriority } from 'node:os'
import { tend } from '../archive/tend.js'
import { troubleOf } from './trouble.js'
import { tellLog } from './messages.js'
import type { ArchiveStart, FromArchive } from './archiver.js'

// Before any thread of DuckDB is started, for they inherit it; files are for owner and group only.
setPriority(constants.priority.PRIORITY_LOW)
process.umask(0o027)
// There is nobody to work for any more, and DuckDB cannot be asked to stop within a step.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

const tell = (message: FromArchive): void => void process.send!(message)
const log = tellLog(tell)

process.once('message', (start: ArchiveStart) => {
  void tend(start, Date.now(), log)
    .catch((error: unknown) => {
      const { code, message } = troubleOf(error)
      log.warn({ code }, message)
      return false
    })
    .then(done => process.send!({ kind: 'done', done } satisfies FromArchive, () => process.exit()))
})
