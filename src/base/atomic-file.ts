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
import { MS_PER_SECOND, type Milliseconds } from './units.js'

/** What is being written has this behind its name: hexadecimal digits, so that no two are one. */
const TEMPORARY = /^\.[0-9a-f]{16}\.half$/
/** Whoever wrote a half of this age has died. */
const ABANDONED_AFTER: Milliseconds = 3600 * MS_PER_SECOND

export interface AtomicWriteOptions {
  /** Of the file, less the umask, whatever that of the file of before was. By default 0644. */
  readonly mode?: number
  /** Of folders that are not there yet, less the umask. By default they are not made. */
  readonly folderMode?: number
}

/**
 * Writes a file so that whoever reads it meanwhile, and whoever finds it after the machine has
 * stopped at any moment, has all of it or what was there before; and all of it once this has
 * returned.
 *
 * The octets are on the disk under another name beside it before they have their own, and the name is
 * when this returns. Nothing is left of a write that failed; what a crash leaves goes when the same
 * file is written an hour later. A symbolic link stays, and what it leads to is written; what is no
 * file, such as a pipe, is written as it is.
 *
 * Nothing else happens on this thread meanwhile, on a slow disk for seconds, so none that answers,
 * records or supervises may call it: who does are the compiler, the fetcher, transfers, the archive
 * process and commands.
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
  const place = found === undefined ? path : realpathSync(path)
  if (folderMode !== undefined) createParentFolder(place, folderMode)
  removeAbandoned(place)
  const half = `${place}.${randomBytes(8).toString('hex')}.half`
  try {
    writeFileSync(half, octets, { mode, flag: 'wx' })
    renameDurably(half, place)
  } catch (error) {
    rmSync(half, { force: true })
    throw error
  }
}

/**
 * Puts a finished file in its place, on the same file system, so that after a crash it is there as a
 * whole or not at all: its octets are on the disk before it has the name, and the name is when this
 * returns. Throws the system's error.
 */
export function renameDurably(made: string, path: string): void {
  sync(made)
  const folder = dirname(path)
  createParentFolder(path)
  renameSync(made, path)
  syncFolder(folder)
  syncFolder(dirname(folder))
}

/** What was made, renamed or removed in it is on the disk. Throws the system's error. */
export function syncFolder(folder: string): void {
  try {
    sync(folder)
  } catch (error) {
    // One may be allowed to write into a folder, and not to open it.
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

/** Half-written files of this name, which a crash has left. */
function removeAbandoned(path: string): void {
  const folder = dirname(path)
  const name = basename(path)
  try {
    for (const other of readdirSync(folder)) {
      if (!other.startsWith(name) || !TEMPORARY.test(other.slice(name.length))) continue
      const half = join(folder, other)
      if (Date.now() - statSync(half).mtimeMs > ABANDONED_AFTER) rmSync(half, { force: true })
    }
  } catch {
    // Another may have removed it, and a folder may be for writing only: it is no reason not to write.
  }
}
