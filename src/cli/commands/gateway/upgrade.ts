import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../../../base/units.js'
import type { UpgradeResult } from '../../../gateway/socket/admin-protocol.js'
import type { StatusReply } from '../../../gateway/status/health.js'
import { callGateway, type AdminOptions } from '../../args/call-gateway.js'
import { parseMilliseconds } from '../../args/parse.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

const POLL_INTERVAL: Milliseconds = 100

export interface UpgradeCommandOptions extends AdminOptions {
  readonly json?: boolean
}

/**
 * `interdict upgrade`: replaces the running gateway by the installed program. It ends when the new process has
 * taken over the admin socket, too, so that the next command reaches it.
 */
export async function upgrade(options: UpgradeCommandOptions, io: Io): Promise<number> {
  const until = performance.now() + parseMilliseconds('--timeout', options.timeout)
  const before = await startOf(options)
  const result = await callGateway<UpgradeResult>({ do: 'upgrade' }, options)
  await untilOther(before, options, until)
  const { from, to } = result
  if (options.json === true) printJson(io, result)
  else {
    const processes = `process ${from.pid} was replaced by ${to.pid}`
    const change =
      from.version === to.version
        ? `Restarted ${to.version}`
        : `Upgraded from ${from.version} to ${to.version}`
    print(io, `${change}: ${processes}\n`)
  }
  return EXIT.success
}

/** When the gateway that answers was started. */
const startOf = async (options: AdminOptions): Promise<string> =>
  (await callGateway<StatusReply>({ do: 'status' }, options)).started

/** Nobody listens while the admin socket changes hands. */
async function untilOther(
  before: string,
  options: AdminOptions,
  until: Milliseconds
): Promise<void> {
  while (performance.now() < until) {
    const started = await startOf(options).catch(() => before)
    if (started !== before) return
    await sleep(POLL_INTERVAL)
  }
}
