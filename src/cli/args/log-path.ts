import { statSync } from 'node:fs'
import { join } from 'node:path'
import { settings, type CommonOptions } from './settings.js'

/** What a query log is called where only its folder is given. */
const FILE = 'queries.jsonl'

export interface LogOptions extends CommonOptions {
  /** The file that is being written, or its folder. */
  readonly log?: string
}

/** Of the file that is being written: of the log that was given, or that of the settings. */
export async function logPath(options: LogOptions): Promise<string> {
  const { log } = options
  return log === undefined ? (await settings(options)).log.queries.path : logFileAt(log)
}

/** The file that is being written, where it or its folder is given. */
export function logFileAt(path: string): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  return isFolder ? join(path, FILE) : path
}
