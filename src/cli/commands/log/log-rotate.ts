import type { RotateResult } from '../../../gateway/socket/admin-protocol.js'
import { callGateway, type AdminOptions } from '../../args/call-gateway.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

export interface LogRotateOptions extends AdminOptions {
  readonly json?: boolean
}

/** `interdict log rotate`: closes the query log file of the running gateway. */
export async function rotate(options: LogRotateOptions, io: Io): Promise<number> {
  const { rotated } = await callGateway<RotateResult>({ do: 'rotate' }, options)
  if (options.json === true) printJson(io, { rotated })
  else print(io, rotated ? 'Query log file closed\n' : 'The query log file is empty; not closed\n')
  return EXIT.success
}
