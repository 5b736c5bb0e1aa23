import { failure } from '../../base/errors/error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Milliseconds } from '../../base/units.js'
import { addressOf, showAddress } from '../../base/values/address.js'
import { strictestMode } from '../../lookups/privacy/privacy-mode.js'
import type { CpuExcess, ReportExcess } from '../../resolver/server/cpu-budget.js'
import type { Config } from '../config/config.js'

/** At most one line in this time; the others are counted. */
const LOG_INTERVAL: Milliseconds = 10_000

/**
 * Logs clients that are above `limits.cpu-percent`. The line has the address only where the query log has whole addresses
 * of all clients.
 */
export function excessReporter(log: ServiceLog, config: () => Config): ReportExcess {
  let next: Milliseconds = 0
  let suppressed = 0
  return (excess: CpuExcess): void => {
    const now = performance.now()
    if (now < next) {
      suppressed++
      return
    }
    next = now + LOG_INTERVAL
    const { client, isNetwork, used, allowed } = excess
    const showsAddress = strictestMode(config().log.queries.privacy) === 'full'
    const address = showsAddress ? showAddress(addressOf(client)) : undefined
    const name = address ?? 'a client'
    const percent = (share: number): string => (100 * share).toFixed(1)
    const { message } = failure(
      'CLIENT_CPU',
      isNetwork ? `the network of ${name}` : name,
      percent(used),
      percent(allowed)
    )
    log.warn(
      {
        code: 'CLIENT_CPU',
        ...(address === undefined ? {} : { address }),
        ...(suppressed === 0 ? {} : { suppressed })
      },
      message
    )
    suppressed = 0
  }
}
