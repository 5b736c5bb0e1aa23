import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { pino } from 'pino'
import { createParentFolder } from '../../base/files/parent-folder.js'
import type { Octets } from '../../base/units.js'

/** Data buffered while the disk accepts no writes; beyond that, lines are lost. */
const MAX_PENDING: Octets = 4 * 1024 * 1024
/** Not world-readable: the log shows which client looked up what. */
const FILE_MODE = 0o640

/** The part of pino's destination used here. */
export interface Destination {
  /**
   * On return, the data is in the file, or the events report otherwise; part of it may be written.
   */
  write(octets: Uint8Array): void
  on(event: 'error', listener: (error: Error) => void): void
  /** This many octets were written to the file. */
  on(event: 'write', listener: (octets: Octets) => void): void
  /** `drop`: the whole write was rejected because `MAX_PENDING` octets are already buffered. */
  on(event: 'drop' | 'close', listener: () => void): void
  /** Reopens the path and writes the buffered data. Throws when the path cannot be opened. */
  reopen(): void
  /** Whether the open file has been deleted, so that nobody can read what is written to it. */
  isDeleted(): boolean
  /** Whether the open file is the one at the path: by device and inode. */
  isInPlace(): boolean
  flushSync(): void
  /** Closes the file and emits `close` or `error`; buffered data is discarded. */
  destroy(): void
}

/** Opens a file for appending and creates its folder if needed. Throws on failure. */
export type OpenDestination = (path: string) => Destination

/**
 * pino's destination in synchronous mode: the recorder thread has nothing else to do, `write`
 * reports its result at once, and the caller can reuse its block without a copy.
 */
export const openDestination: OpenDestination = path => {
  const destination = openWithoutBlocking(path, () =>
    pino.destination({
      dest: path,
      sync: true,
      append: true,
      mode: FILE_MODE,
      contentMode: 'buffer',
      maxLength: MAX_PENDING
    })
  )
  const reopen = destination.reopen.bind(destination)
  // pino's types only know strings; with contentMode `buffer` it accepts octets and nothing else.
  return Object.assign(destination, {
    reopen: () => openWithoutBlocking(path, reopen),
    // A renamed file still has a name: logrotate lets us write to it until it sends SIGHUP.
    isDeleted: () => isDeleted((destination as unknown as { fd: number }).fd),
    isInPlace: () => isAt(path, (destination as unknown as { fd: number }).fd)
  }) as unknown as Destination
}

function isDeleted(fd: number): boolean {
  try {
    return fstatSync(fd).nlink === 0
  } catch {
    // ESTALE on NFS: deleted on the server.
    return true
  }
}

function isAt(path: string, fd: number): boolean {
  try {
    const [open, here] = [fstatSync(fd), statSync(path)]
    return open.dev === here.dev && open.ino === here.ino
  } catch {
    return false
  }
}

/**
 * Opens a file only if that does not block. Throws where pino would block, for example on a pipe
 * without a reader. The descriptor opened here stays open until pino has its own, so that a reader
 * does not see end of file.
 */
function openWithoutBlocking<T>(path: string, open: () => T): T {
  createParentFolder(path)
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, FILE_MODE)
  try {
    return open()
  } finally {
    closeSync(fd)
  }
}
