import { readFileSync } from 'node:fs'
import { deserialize } from 'node:v8'
import type { Config } from '../../gateway/config/config.js'
import { loadConfig } from '../../gateway/config/load-settings.js'
import { rejectInput } from '../exit.js'

/** Options that every command has. */
export interface CommonOptions {
  readonly config?: string
}

/** `stdin`: the gateway runs this command, with its settings in force on standard input, as `v8.serialize` writes them. */
const SETTINGS_VARIABLE = 'INTERDICT_SETTINGS'
let inForce: Config | undefined

/** Loads the settings. Invalid settings end the command with all their errors. */
export async function loadSettings(options: CommonOptions): Promise<Config> {
  if (process.env[SETTINGS_VARIABLE] === 'stdin')
    return (inForce ??= deserialize(readFileSync(process.stdin.fd)) as Config)
  const loaded = await loadConfig(options.config)
  return loaded.ok ? loaded.config : rejectInput(loaded.errors)
}
