import { dirname, join } from 'node:path'
import type { QueryLogConfig } from '../settings/query-log-config.js'
import type { WitnessChannel, WitnessOptions } from './chain-witness.js'
import { syslogChannel } from './syslog-channel.js'
import { timeStampingChannel } from './time-stamping-authority.js'

/**
 * The options for the witness of a query log; undefined: it has none.
 *
 * @param state the state folder
 * @param others channels of other parts of the gateway
 */
export function witnessOptionsOf(
  { witness, chain, which, path }: QueryLogConfig,
  state: string,
  others: readonly WitnessChannel[] = []
): WitnessOptions | undefined {
  if (witness === undefined || chain === undefined || which === 'none') return undefined
  const { tsa, syslog } = witness
  const channels = [
    ...(tsa === undefined ? [] : [timeStampingChannel(tsa)]),
    ...(syslog === undefined ? [] : [syslogChannel(syslog)]),
    ...others
  ]
  const stateFile = join(state, 'witness.json')
  return { folder: dirname(path), every: chain.checkpoint, channels, stateFile }
}
