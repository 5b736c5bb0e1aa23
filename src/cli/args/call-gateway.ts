import { dirname, resolve } from 'node:path'
import { failure } from '../../base/errors/error.js'
import type { AdminSocketConfig } from '../../gateway/config/config.js'
import { loadConfig, settingsPath } from '../../gateway/config/load-settings.js'
import { isInEtc, placesFor } from '../../base/files/places.js'
import { defaultSocket, statusSocket } from '../../gateway/config/default-paths.js'
import { sendToFirst } from '../../gateway/socket/admin-client.js'
import type { AdminRequest } from '../../gateway/socket/admin-protocol.js'
import { escapeControls } from '../../base/log/terminal-line.js'
import { InputError, rejectInput } from '../exit.js'
import { parseMilliseconds } from './parse.js'
import type { CommonOptions } from './settings.js'

/** Options of commands that talk to the running gateway. */
export interface AdminOptions extends CommonOptions {
  readonly timeout: string
}

/**
 * Sends a request to the running gateway over its admin socket. A refusal ends the command with the
 * reason. The status of a gateway that still runs by earlier settings can be asked for when these have
 * errors, if its socket is where it is by default.
 *
 * @throws InterdictError ADMIN_OFF and everything that `sendToFirst` throws
 */
export async function callGateway<Result>(
  request: AdminRequest,
  options: AdminOptions
): Promise<Result> {
  const timeout = parseMilliseconds('--timeout', options.timeout)
  const loaded = await loadConfig(options.config)
  if (!loaded.ok && request.do !== 'status') return rejectInput(loaded.errors)
  const socket = loaded.ok ? loaded.config.admin.socket : socketBeside(options)
  if (socket === undefined) throw failure('ADMIN_OFF')
  // In the state folder it is surely the gateway of these settings: others may share the run folder.
  const admin = [...socket.paths].reverse()
  // The group of the gateway may read its status.
  const paths = request.do === 'status' ? admin.flatMap(path => [path, statusSocket(path)]) : admin
  const reply = await sendToFirst<Result>(paths, request, timeout).catch((error: unknown) => {
    // The errors of the settings are why it was not found.
    throw loaded.ok ? error : new InputError(loaded.errors)
  })
  if (reply.ok) return reply.result
  return rejectInput([{ code: escapeControls(reply.code), message: escapeControls(reply.message) }])
}

/** Where a gateway of these settings has its socket, unless they say otherwise. */
function socketBeside({ config }: CommonOptions): AdminSocketConfig {
  const folder = dirname(resolve(settingsPath(config)))
  const { paths, position } = defaultSocket(resolve(folder, placesFor(folder).state))
  // The run folder is that of the machine's gateway, whose settings are in /etc.
  return { paths: isInEtc(folder) ? paths : paths.slice(-1), position }
}
