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

/** Lock file in a folder that belongs to one gateway while it writes there. */
export const LOCK_FILE = 'interdict.lock'
/** Another process can acquire or release the lock between two steps. */
const MAX_ATTEMPTS = 10

/** The process that holds a lock. The process ID alone may have been reused. */
interface LockHolder {
  readonly pid: number
  /** Identifies the process beyond its ID: boot ID, PID namespace and start time. */
  readonly life: string
}

/**
 * Locks the folder of a query log, so that no two gateways write into it.
 *
 * @param path of the live log file
 * @returns releases the lock; undefined: no lock is needed, because the folder is not writable or
 *   the path is a pipe
 * @throws InterdictError LOG_LOCKED
 */
export function lockLog(path: string): (() => void) | undefined {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return undefined
  } catch {
    // Opening the log will report the error.
    return undefined
  }
  const folder = dirname(path)
  return lockFolder(folder, holder => failure('LOG_LOCKED', folder, holder))
}

/**
 * Locks a folder for this process. Takes over the lock of a dead process.
 *
 * @param lockedError creates the error to throw when another process holds the lock, given its
 *   description
 * @param mode for the folder if it does not exist yet
 * @returns releases the lock; undefined: nothing can be written there
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
    // The file system does not support hard links.
    return undefined
  } finally {
    rmSync(draft, { force: true })
  }
  return () => {
    if (read(lock) === ours) rmSync(lock, { force: true })
  }
}

/** @returns the current holder; undefined: the lock was acquired */
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

/** Removes the lock of a dead process, but not a lock that has replaced it in the meantime. */
function removeDeadLock(lock: string, holder: string, aside: string): void {
  try {
    renameSync(lock, aside)
  } catch {
    // Another process was faster.
    return
  }
  if (read(aside) !== holder) link(aside, lock)
  rmSync(aside, { force: true })
}

/** @returns true if `name` was free and now links to the file */
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
    // EPERM: the process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function holderOf(pid: number): LockHolder {
  return { pid, life: processIdentity(pid) }
}

/** `dead` for a zombie. Empty without /proc; then only the process ID identifies the holder. */
function processIdentity(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Fields 3, state, and 22, starttime; field 2, the command in parentheses, may contain anything.
    // proc_pid_stat(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A killed process keeps its ID until its parent reaps it.
    if (fields[0] === 'Z' || fields[0] === 'X') return 'dead'
    return `${boot} ${readlinkSync('/proc/self/ns/pid')} ${fields[19]}`
  } catch {
    return ''
  }
}
