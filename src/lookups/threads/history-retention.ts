import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import { archivedDays, closedFiles, type LogLayout } from '../files/log-layout.js'
import { retentionDay } from '../archive/retention-day.js'
import { closedDay, type RetentionOptions } from '../archive/retention.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { expireHistory } from '../../policy/history/expire.js'

/** Reports about bans look back so far, whatever the query log keeps. */
const LEAST_DAYS = 90

/** Removes what the history of rules has of times for which there is no query log any more. */
export async function retainHistory(
  folder: string,
  layout: LogLayout,
  keep: RetentionOptions | undefined,
  now: Milliseconds,
  log: ServiceLog
): Promise<boolean> {
  if (keep === undefined || keep.days === 0) return true
  try {
    const today = Date.parse(retentionDay(layout, now, { ...log, error: () => undefined }))
    const days = Math.max(keep.days, LEAST_DAYS)
    const removed = await expireHistory(
      folder,
      Math.min(today - days * MS_PER_DAY, oldestLog(layout)),
      now
    )
    if (removed > 0)
      log.info({ files: removed }, 'expired versions of the rules removed from the history')
    return true
  } catch (error) {
    const { code, message } = failure('HISTORY_EXPIRE', folder, reasonOf(error, folder))
    log.warn({ code }, message)
    return false
  }
}

/** The start of the oldest day of which there is a log file: some wait for the centre of a fleet. */
function oldestLog(layout: LogLayout): Milliseconds {
  const closed = closedFiles(layout).map(file => closedDay(layout, file))
  const days = [...archivedDays(layout), ...closed].map(day => Date.parse(day))
  return Math.min(Infinity, ...days)
}
