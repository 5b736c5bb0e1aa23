import { resolve, sep } from 'node:path'
import type { Places } from '../output/initial-files.js'

/** Beside the settings; with settings in /etc, the folders of the Filesystem Hierarchy Standard 3.0. */
export function placesFor(folder: string): Places {
  const isSystem = `${resolve(folder)}${sep}`.startsWith('/etc/')
  return isSystem
    ? {
        log: '/var/log/interdict/queries.jsonl',
        state: '/var/lib/interdict',
        keys: '/var/lib/interdict/keys',
        socket: '/run/interdict/admin.sock'
      }
    : { log: 'log/queries.jsonl', state: 'state', keys: 'keys', socket: 'state/admin.sock' }
}
