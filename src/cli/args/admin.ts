import { failure } from '../../base/error.js'
import { sendToFirst } from '../../daemon/admin/admin-client.js'
import type { AdminRequest } from '../../daemon/admin/admin-protocol.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { rejectInput } from '../exit.js'
import { parseMilliseconds } from './parse.js'
import { loadSettings, type CommonOptions } from './settings.js'

/** Options of commands that talk to the running gateway. */
export interface AdminOptions extends CommonOptions {
  readonly timeout: string
}

/**
 * Sends a request to the running gateway over its admin socket. A refusal ends the command with the
 * reason.
 *
 * @throws InterdictError ADMIN_OFF and everything that `sendToFirst` throws
 */
export async function callGateway<Result>(
  request: AdminRequest,
  options: AdminOptions
): Promise<Result> {
  const timeout = parseMilliseconds('--timeout', options.timeout)
  const { admin } = await loadSettings(options)
  if (admin.socket === undefined) throw failure('ADMIN_OFF')
  // In the state folder it is surely the gateway of these settings: others may share the run folder.
  const paths = [...admin.socket.paths].reverse()
  const reply = await sendToFirst<Result>(paths, request, timeout)
  if (reply.ok) return reply.result
  return rejectInput([{ code: escapeControls(reply.code), message: escapeControls(reply.message) }])
}
