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
import { makeFolderOf } from './folder-of.js'
import { MS_PER_SECOND, type Milliseconds } from './units.js'

/** What is being written has this behind its name: hexadecimal digits, so that no two are one. */
const HALF = /^\.[0-9a-f]{16}\.half$/
/** Whoever wrote a half of this age has died. */
const DEAD: Milliseconds = 3600 * MS_PER_SECOND

export interface WholeOptions {
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
export function writeWhole(
  path: string,
  octets: Uint8Array | string,
  options?: WholeOptions
): void {
  const { mode = 0o644, folderMode } = options ?? {}
  const found = statSync(path, { throwIfNoEntry: false })
  if (found !== undefined && !found.isFile()) {
    writeFileSync(path, octets)
    return
  }
  const place = found === undefined ? path : realpathSync(path)
  if (folderMode !== undefined) makeFolderOf(place, folderMode)
  removeDead(place)
  const half = `${place}.${randomBytes(8).toString('hex')}.half`
  try {
    writeFileSync(half, octets, { mode, flag: 'wx' })
    settle(half, place)
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
export function settle(made: string, path: string): void {
  force(made)
  const folder = dirname(path)
  makeFolderOf(path)
  renameSync(made, path)
  forceFolder(folder)
  forceFolder(dirname(folder))
}

/** What was made, renamed or removed in it is on the disk. Throws the system's error. */
export function forceFolder(folder: string): void {
  try {
    force(folder)
  } catch (error) {
    // One may be allowed to write into a folder, and not to open it.
    if (!['EACCES', 'EPERM', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
  }
}

function force(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Half-written files of this name, which a crash has left. */
function removeDead(path: string): void {
  const folder = dirname(path)
  const name = basename(path)
  try {
    for (const other of readdirSync(folder)) {
      if (!other.startsWith(name) || !HALF.test(other.slice(name.length))) continue
      const half = join(folder, other)
      if (Date.now() - statSync(half).mtimeMs > DEAD) rmSync(half, { force: true })
    }
  } catch {
    // Another may have removed it, and a folder may be for writing only: it is no reason not to write.
  }
}
