import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { reasonOf } from '../errors/reason.js'

/** Flags with which logs are opened, but without creating a file: a pipe without a reader fails at once. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK

/** The reason why a folder cannot be written to or created; undefined: it can. */
export function folderUnwritable(folder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return 'not a folder'
    accessSync(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const parent = dirname(folder)
    if (code === 'ENOENT' && parent !== folder) return folderUnwritable(parent)
    return reasonOf(error)
  }
}

/** The reason why a file cannot be appended to; undefined: it can, or it does not exist (see `folderUnwritable`). */
export function fileUnwritable(path: string): string | undefined {
  try {
    closeSync(openSync(path, APPEND))
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    return code === 'EISDIR' ? 'it is a folder' : reasonOf(error)
  }
}
