import { failure } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import { loadConfig } from '../../config/load.js'
import { refuse } from '../exit.js'

/** What every command takes. */
export interface CommonOptions {
  readonly config?: string
}

/** The settings; where they are wrong, says all that is and ends the process. */
export async function settings(options: CommonOptions): Promise<Config> {
  const read = await loadConfig(options.config)
  return read.ok ? read.config : refuse(read.errors)
}

/** Where the running gateway is asked. @throws InterdictError ADMIN_OFF */
export async function adminSocket(options: CommonOptions): Promise<string> {
  const { admin } = await settings(options)
  if (admin.socket === undefined) throw failure('ADMIN_OFF')
  return admin.socket.path
}
