import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { closedFilePath } from './closed-files.js'

/** Records beside the query log, in its folder: the history of bindings, and findings of egress. */
export type SideLog = 'bindings' | 'egress'

const CLOSED = /^(bindings|egress)-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3}Z)\.jsonl$/

/** The name of the live file. */
export const sideFile = (log: SideLog): string => `${log}.jsonl`

/** Whether a name in the folder of the query log is that of a closed file beside it. */
export function isClosedSideFile(name: string): boolean {
  return CLOSED.test(name)
}

/** When a file was closed, in RFC 3339; undefined: it is not such a file. */
export function sideFileClosedAt(name: string): string | undefined {
  const match = CLOSED.exec(name)
  if (match === null) return undefined
  const [, , year, month, day, hour, minute, second] = match
  return `${year}-${month}-${day}T${hour}:${minute}:${second}`
}

/** Names of closed files, oldest first of each log; none if the folder does not exist. @param log undefined: all */
export function closedSideFiles(folder: string, log?: SideLog): string[] {
  try {
    const names = readdirSync(folder).filter(isClosedSideFile).sort()
    return log === undefined ? names : names.filter(name => name.startsWith(`${log}-`))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** The path of the live file when it is closed. */
export function closedSidePath(folder: string, log: SideLog, wall: number): string {
  return closedFilePath(join(folder, sideFile(log)), wall)
}
