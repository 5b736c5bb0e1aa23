import { InterdictError } from '../../base/error.js'
import { verifyLog } from '../../querylog/archive/chain/verify.js'
import { LogLayout } from '../../querylog/archive/log-layout.js'
import type { Fact } from '../../report/report.js'
import { logPath, type LogOptions } from '../args/log-path.js'
import { settings } from '../args/settings.js'
import { keysOf } from '../commands/verify-log.js'
import { verificationFact } from './verification-text.js'

const LABEL = 'Query log'

/** Whether the log is as it was written, for a report that is to be believed. */
export async function proofOf(options: LogOptions): Promise<Fact> {
  const { chain } = (await settings(options)).log.queries
  if (chain === undefined) return [LABEL, 'not proven: log.queries.chain is not set']
  try {
    const found = await verifyLog(new LogLayout(await logPath(options)), keysOf(chain))
    return [LABEL, ...verificationFact(found)]
  } catch (error) {
    if (error instanceof InterdictError) return [LABEL, `not proven: ${error.message}`]
    throw error
  }
}
