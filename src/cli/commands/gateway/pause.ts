import { MS_PER_SECOND } from '../../../base/units.js'
import type { PauseResult } from '../../../gateway/socket/admin-protocol.js'
import { callGateway, type AdminOptions } from '../../args/call-gateway.js'
import { parseWholeNumber } from '../../args/parse.js'
import { callerName } from '../../args/user.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatInstant } from '../../output/format.js'

export interface PauseOptions extends AdminOptions {
  readonly minutes: string
  readonly reason?: string
  readonly by?: string
  readonly end?: boolean
  readonly json?: boolean
}

const SECONDS_PER_MINUTE = 60
const MINUTES_PER_DAY = 1440

/** `interdict pause`: pauses a block rule of the running gateway for some minutes, or ends its pause. */
export async function pause(rule: string, options: PauseOptions, io: Io): Promise<number> {
  const { end = false, reason = '', by = callerName(io) } = options
  if (!end && reason.trim() === '')
    usageError('give --reason: everyone who sees the pause reads it')
  const minutes = parseWholeNumber('--minutes', options.minutes, { min: 1, max: MINUTES_PER_DAY })
  const seconds = end ? 0 : minutes * SECONDS_PER_MINUTE
  const request = { do: 'pause', rule, seconds, by, reason } as const
  const result = await callGateway<PauseResult>(request, options)
  const until = new Date(result.until * MS_PER_SECOND).toISOString()
  if (options.json === true) printJson(io, { rule, until: end ? null : until, by, reason })
  else if (end) print(io, `${rule} applies again\n`)
  else print(io, `${rule} is paused until ${formatInstant(until)}\n`)
  return EXIT.success
}
