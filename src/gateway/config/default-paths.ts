import { dirname, join } from 'node:path'
import type { AdminSocketConfig } from './config.js'

/** Folder of sockets of the machine's gateway, such as systemd's `RuntimeDirectory`. FHS 3.0 §3.15. */
const RUN_FOLDER = '/run/interdict'

/** The socket beside the admin socket, for the group of the gateway, which only has the status. */
export const statusSocket = (admin: string): string => join(dirname(admin), 'status.sock')

/** The admin socket, where the settings do not say. @param state the state folder */
export function defaultSocket(state: string): AdminSocketConfig {
  return { paths: [RUN_FOLDER, state].map(one => join(one, 'admin.sock')), position: undefined }
}

/** Tokens of the HTTP API, in the state folder by default. */
export const TOKENS_FILE = 'tokens.json'
