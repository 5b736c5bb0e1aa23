import { sendAdminRequest } from '../../daemon/admin/admin-client.js'
import type { AdminRequest } from '../../daemon/admin/admin-protocol.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { refuse } from '../exit.js'
import { milliseconds } from './given.js'
import { adminSocket, type CommonOptions } from './settings.js'

/** What commands take that ask the running gateway. */
export interface AskOptions extends CommonOptions {
  readonly timeout: string
}

/**
 * What the gateway of these settings answers; where it refuses, says why and ends the process.
 *
 * @throws InterdictError ADMIN_OFF and what `askAdmin` throws
 */
export async function ask<Result>(request: AdminRequest, options: AskOptions): Promise<Result> {
  const timeout = milliseconds('--timeout', options.timeout)
  const reply = await sendAdminRequest<Result>(await adminSocket(options), request, timeout)
  if (reply.ok) return reply.result
  return refuse([{ code: escapeControls(reply.code), message: escapeControls(reply.message) }])
}
