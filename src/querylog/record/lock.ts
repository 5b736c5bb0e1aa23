import { randomUUID } from 'node:crypto'
import {
  linkSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { failure, InterdictError } from '../../base/error.js'
import { createParentFolder } from '../../base/parent-folder.js'

/** In a folder that is one gateway's, for as long as it writes there. */
export const LOCK_FILE = 'interdict.lock'
/** Others may take it, or give it up, between two of our steps. */
const MAX_ATTEMPTS = 10

/** Who has a lock. A process ID alone may be another's by now. */
interface LockHolder {
  readonly pid: number
  /** When the process was started, of which boot, and among whose process IDs it counts. */
  readonly life: string
}

/**
 * Takes the folder of a query log for this process, so that no two write into it.
 *
 * @param path of the file being written
 * @returns gives it up; undefined: what cannot be written to needs no lock, nor does a pipe
 * @throws InterdictError LOG_LOCKED
 */
export function lockLog(path: string): (() => void) | undefined {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return undefined
  } catch {
    // Whoever opens the log tells what is wrong there.
    return undefined
  }
  const folder = dirname(path)
  return lockFolder(folder, holder => failure('LOG_LOCKED', folder, holder))
}

/**
 * Takes a folder for this process. What a killed one left is taken over.
 *
 * @param lockedError what is thrown where another process has it; it is told which, in words
 * @param mode of a folder that is not there yet
 * @returns gives it up; undefined: nothing can be written there
 */
export function lockFolder(
  folder: string,
  lockedError: (holder: string) => InterdictError,
  mode?: number
): (() => void) | undefined {
  const lock = join(folder, LOCK_FILE)
  const draft = `${lock}.${randomUUID()}`
  const ours = JSON.stringify(holderOf(process.pid))
  try {
    createParentFolder(lock, mode)
    writeFileSync(draft, ours, { mode: 0o640 })
  } catch {
    return undefined
  }
  try {
    const holder = acquire(draft, lock)
    if (holder !== undefined) throw lockedError(describeHolder(holder))
  } catch (error) {
    if (error instanceof InterdictError) throw error
    // A file system without hard links.
    return undefined
  } finally {
    rmSync(draft, { force: true })
  }
  return () => {
    if (read(lock) === ours) rmSync(lock, { force: true })
  }
}

/** @returns who has it; undefined: we do, now */
function acquire(draft: string, lock: string): string | undefined {
  let holder: string | undefined
  for (let i = 0; i < MAX_ATTEMPTS; i++) {
    if (link(draft, lock)) return undefined
    holder = read(lock)
    if (holder === undefined) continue
    if (isAlive(holder)) break
    removeDeadLock(lock, holder, `${draft}.old`)
  }
  return holder ?? ''
}

function describeHolder(holder: string): string {
  const pid = /"pid":(\d+)/.exec(holder)?.[1]
  return pid === undefined ? 'an unknown process' : `process ${pid}`
}

/** Removes a dead process's lock, and no other that has come in its place meanwhile. */
function removeDeadLock(lock: string, holder: string, aside: string): void {
  try {
    renameSync(lock, aside)
  } catch {
    // Another was faster.
    return
  }
  if (read(aside) !== holder) link(aside, lock)
  rmSync(aside, { force: true })
}

/** @returns whether `name` was free, and is the same file now */
function link(file: string, name: string): boolean {
  try {
    linkSync(file, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function isAlive(text: string): boolean {
  try {
    const { pid, life } = JSON.parse(text) as LockHolder
    process.kill(pid, 0)
    return holderOf(pid).life === life
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function holderOf(pid: number): LockHolder {
  return { pid, life: processIdentity(pid) }
}

/** Where there is no /proc, the ID has to do. */
function processIdentity(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The 22nd field; the second, in brackets, may have anything in it.
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return `${boot} ${readlinkSync('/proc/self/ns/pid')} ${start}`
  } catch {
    return ''
  }
}
