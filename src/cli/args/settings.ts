import type { Config } from '../../config/config.js'
import { loadConfig } from '../../config/load.js'
import { rejectInput } from '../exit.js'

/** Options that every command has. */
export interface CommonOptions {
  readonly config?: string
}

/** Loads the settings. Invalid settings end the command with all their errors. */
export async function loadSettings(options: CommonOptions): Promise<Config> {
  const loaded = await loadConfig(options.config)
  return loaded.ok ? loaded.config : rejectInput(loaded.errors)
}
