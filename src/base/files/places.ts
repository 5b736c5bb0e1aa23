import { resolve, sep } from 'node:path'

/** Where a gateway keeps what it writes; relative paths are relative to its settings file. */
export interface Places {
  /** File of the query log. */
  readonly log: string
  readonly state: string
  /** Folder of the keys of pseudonyms. */
  readonly keys: string
}

/** Beside the settings: the defaults. */
export const BESIDE: Places = { log: 'log/queries.jsonl', state: 'state', keys: 'keys' }
/** Filesystem Hierarchy Standard 3.0 §5.8, §5.10. */
const SYSTEM: Places = {
  log: '/var/log/interdict/queries.jsonl',
  state: '/var/lib/interdict',
  keys: '/var/lib/interdict/keys'
}
/** Whether the folder is in /etc, which is for settings only: FHS 3.0 §3.7. */
export function isInEtc(folder: string): boolean {
  return `${resolve(folder)}${sep}`.startsWith('/etc/')
}

/** @param folder of the settings file */
export function placesFor(folder: string): Places {
  return isInEtc(folder) ? SYSTEM : BESIDE
}

/** Values of `admin.tokens` that are not paths. */
export const TOKEN_WORDS: readonly string[] = ['auto', 'off']
