import { statSync } from 'node:fs'
import { join } from 'node:path'
import { loadSettings, type CommonOptions } from './settings.js'

/** Name of the current log file, where only its folder is given. */
const FILE = 'queries.jsonl'

export interface LogOptions extends CommonOptions {
  /** The current log file, or its folder. */
  readonly log?: string
  /** Central folder of a fleet, instead of a log. */
  readonly fleet?: string
}

/** Path of the current log file: the one given, or that of the settings. */
export async function logPath(options: LogOptions): Promise<string> {
  const { log } = options
  return log === undefined ? (await loadSettings(options)).log.queries.path : logFileAt(log)
}

/** Path of the current log file, given that file or its folder. */
export function logFileAt(path: string): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  return isFolder ? join(path, FILE) : path
}
