import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createParentFolder } from './parent-folder.js'
import { MS_PER_SECOND, type Milliseconds } from '../units.js'

/** The suffix of a file while it is written, with random digits so that names never collide. */
const TEMPORARY = /^\.[0-9a-f]{16}\.half$/
/** The writer of a temporary file of this age must have died. */
const ABANDONED_AFTER: Milliseconds = 3600 * MS_PER_SECOND

export interface AtomicWriteOptions {
  /** Mode of the file, less the umask, whatever mode a previous file had. Default: 0644. */
  readonly mode?: number
  /** Mode of missing folders, less the umask. Default: missing folders are not created. */
  readonly folderMode?: number
}

/**
 * Replaces a file atomically and durably: a concurrent reader, or one after a crash, sees either the previous
 * content or all of the new; once this returns, the new content.
 *
 * The content is synced under a temporary name beside the file, renamed, and the rename is synced. A failed
 * write leaves nothing behind; the temporary file of a crash is removed when the same file is written an
 * hour later. A symbolic link is kept and its target written; anything that is not a regular file, such as
 * a pipe, is written directly.
 *
 * It blocks the thread, on a slow disk for seconds, so threads that answer, record or supervise must not
 * call it. Only the compiler, the fetcher, transfers, the archive process and commands do.
 *
 * Throws the system's error.
 */
export function writeFileAtomic(
  path: string,
  octets: Uint8Array | string,
  options?: AtomicWriteOptions
): void {
  const { mode = 0o644, folderMode } = options ?? {}
  const found = statSync(path, { throwIfNoEntry: false })
  if (found !== undefined && !found.isFile()) {
    writeFileSync(path, octets)
    return
  }
  const target = found === undefined ? path : realpathSync(path)
  if (folderMode !== undefined) createParentFolder(target, folderMode)
  removeAbandoned(target)
  const temporary = `${target}.${randomBytes(8).toString('hex')}.half`
  try {
    writeFileSync(temporary, octets, { mode, flag: 'wx' })
    renameDurably(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    if (error instanceof Error) error.message = error.message.replaceAll(temporary, target)
    throw error
  }
}

/**
 * Renames a finished file on the same file system, so that after a crash it is either complete or absent:
 * its content is synced before the rename, and the rename before this returns. Throws the system's error.
 */
export function renameDurably(temporary: string, path: string): void {
  sync(temporary)
  const folder = dirname(path)
  createParentFolder(path)
  renameSync(temporary, path)
  syncFolder(folder)
  syncFolder(dirname(folder))
}

/** Syncs files created, renamed or removed in a folder. Throws the system's error. */
export function syncFolder(folder: string): void {
  try {
    sync(folder)
  } catch (error) {
    // A folder may be writable without being readable.
    if (!['EACCES', 'EPERM', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Removes temporary files of this name that a crash has left. */
function removeAbandoned(path: string): void {
  const folder = dirname(path)
  const name = basename(path)
  try {
    for (const other of readdirSync(folder)) {
      if (!other.startsWith(name) || !TEMPORARY.test(other.slice(name.length))) continue
      const temporary = join(folder, other)
      if (Date.now() - statSync(temporary).mtimeMs > ABANDONED_AFTER)
        rmSync(temporary, { force: true })
    }
  } catch {
    // Another process may have removed it, or the folder is not readable; neither prevents the write.
  }
}
