import type { Config } from '../../gateway/config/config.js'
import { loadConfig } from '../../gateway/config/load-settings.js'
import { rejectInput } from '../exit.js'

/** Options that every command has. */
export interface CommonOptions {
  readonly config?: string
}

let inForce: Config | undefined

/** Has this process use the settings in force at the gateway that started it, whatever their file has by now. */
export function useSettings(config: Config): void {
  inForce = config
}

/** Loads the settings. Invalid settings end the command with all their errors. */
export async function loadSettings(options: CommonOptions): Promise<Config> {
  if (inForce !== undefined) return inForce
  const loaded = await loadConfig(options.config)
  return loaded.ok ? loaded.config : rejectInput(loaded.errors)
}
