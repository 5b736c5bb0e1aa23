import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import type { Trouble } from '../gateway/messages.js'
import { EXIT } from './exit.js'

/** What every command takes. */
export interface CommonOptions {
  readonly config?: string
}

/** The settings; where they are wrong, says all that is and ends the process. */
export async function settings(options: CommonOptions): Promise<Config> {
  const read = await loadConfig(options.config)
  if (read.ok) return read.config
  refuse(read.errors)
}

/** Prints what is wrong, one line each, as a compiler would, and ends the process. */
export function refuse(troubles: readonly Trouble[]): never {
  for (const trouble of troubles) process.stderr.write(`${showTrouble(trouble)}\n`)
  process.stderr.write(`${troubles.length} error${troubles.length === 1 ? '' : 's'}\n`)
  process.exit(EXIT.found)
}

export function showTrouble({ code, message }: Trouble): string {
  return `${message} (${code})`
}
