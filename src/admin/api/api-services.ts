import type { Config } from '../../gateway/config/config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { CommandProgress, TakeOutput } from '../../gateway/processes/commands.js'
import type { RequestName, RequestOf, ResultOf } from '../../gateway/processes/requests.js'
import type { ControlRequest } from '../../gateway/socket/admin-protocol.js'
import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { UnpackedRules } from '../../gateway/compiler/packed-rules.js'
import type { StatusReply } from '../../gateway/status/health.js'
import type { ChangeLog, Read } from '../audit/change-log.js'
import type { Login } from '../login/login.js'
import type { Trend } from '../metrics/minute-trend.js'

/** The rules in force. */
export interface ActiveRules extends UnpackedRules {
  readonly snapshot: Snapshot
}

/** What handlers work with. */
export interface ApiServices {
  readonly config: Config
  readonly log: ServiceLog
  /** Undefined: people cannot log in. */
  readonly login?: Pick<Login, 'begin' | 'finish' | 'logout'> | undefined
  /** Counters of the last 24 hours. */
  readonly trend: Pick<Trend, 'now' | 'points'>
  /** The audit trail. */
  readonly changes: Pick<ChangeLog, 'record' | 'newest' | 'hasRecent'>
  /** Recorded reads of lookups. */
  readonly reads: Pick<ChangeLog<Read>, 'record' | 'newest' | 'hasRecent'>
  /** The active rules. @throws InterdictError API_CONTROL_SILENT */
  rules(): Promise<ActiveRules>
  /**
   * Runs a request that reads the query log or rules in a separate process.
   *
   * @param signal aborted when nobody waits for the result, with an InterdictError as the reason
   * @throws InterdictError API_BUSY, API_COMMAND_TIME, API_COMMAND, API_REQUEST, and the codes of the command
   */
  command<Name extends RequestName>(
    name: Name,
    request: RequestOf<Name>,
    signal: AbortSignal,
    onProgress?: (progress: CommandProgress) => void
  ): Promise<ResultOf<Name>>
  /** Has a process pass on all lookups that match, block by block. @throws as `command`, and what `take` throws */
  exported(
    request: RequestOf<'export'>,
    take: TakeOutput,
    signal: AbortSignal,
    onProgress: (progress: CommandProgress) => void
  ): Promise<ResultOf<'export'>>
  /** A report like that of `command`, but shared with requests of the last half minute. */
  report(
    request: RequestOf<'report'>,
    signal: AbortSignal,
    onProgress: (progress: CommandProgress) => void
  ): Promise<ResultOf<'report'>>
  /** Not older than a quarter of a second. @throws InterdictError API_CONTROL_SILENT */
  status(): Promise<StatusReply>
  /**
   * Has the control thread run a request, as the admin socket does.
   *
   * @param timeout default: `CONTROL_TIMEOUT`
   * @throws InterdictError API_CONTROL_SILENT, and the codes of the request
   */
  control<Result>(request: ControlRequest, timeout?: Milliseconds): Promise<Result>
}
