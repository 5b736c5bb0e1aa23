import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs'
import { lstat, statfs } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { createParentFolder } from '../../base/files/parent-folder.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MAX_SOCKET_PATH } from '../../base/files/socket-path.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'

/** Socket in a folder that belongs to one process while it writes there. */
export const LOCK_FILE = 'interdict.lock'
/** Other processes can acquire or release the lock between two steps. */
const MAX_ATTEMPTS = 10
/** How long the holder may take to say which process it is. */
const GREETING_TIMEOUT: Milliseconds = MS_PER_SECOND
const GREETING = /^process \d+(?: on [\w.-]+)?$/

/** File systems that other machines can use as well: `f_type` of statfs(2), on Linux. */
const SHARED_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2']
])

/** The name of a file system type that other machines can use as well. */
export function nameOfShared(type: number): string | undefined {
  // The kernel has a signed field on some machines.
  return SHARED_FILE_SYSTEMS.get(type >>> 0)
}

export interface LockRequest {
  readonly folder: string
  /** Creates the error to throw when another process holds the lock, given its description. */
  readonly lockedError: (holder: string) => InterdictError
  /** Mode of the folder if it does not exist yet. */
  readonly mode?: number
}

/** The listening socket of a lock, and the file by which other processes find it. */
interface HeldSocket {
  readonly server: Server
  readonly inode: number
}

/**
 * The lock of a folder: a Unix socket (unix(7)) in it, on which the holder listens. The kernel closes the
 * socket when its process ends, however that happens: connecting to it then fails, and the next process
 * replaces it. Nothing depends on process IDs, so that the lock works between containers that share the
 * folder, and for killed processes that nobody has reaped. It needs no native code.
 */
export class FolderLock {
  private held: HeldSocket | undefined
  private isReleased = false

  constructor(private readonly request: LockRequest) {}

  /**
   * Acquires the lock, or acquires it again if its file was deleted.
   *
   * @returns whether it had to be acquired
   * @throws InterdictError that of `lockedError`, or LOCK_UNAVAILABLE
   */
  async acquire(): Promise<boolean> {
    if (await this.isInPlace()) return false
    this.held?.server.close()
    this.held = undefined
    this.held = await acquire(this.request)
    if (this.isReleased) this.release()
    return true
  }

  /** The type of a file system whose other users this lock does not exclude, such as `NFS`. */
  async sharedFileSystem(): Promise<string | undefined> {
    if (process.platform !== 'linux' || this.held === undefined) return undefined
    try {
      const { type } = await statfs(this.request.folder)
      return nameOfShared(type)
    } catch {
      return undefined
    }
  }

  release(): void {
    const { held } = this
    this.isReleased = true
    this.held = undefined
    if (held === undefined) return
    if (inodeOf(this.path) === held.inode) rmSync(this.path, { force: true })
    held.server.close()
  }

  private get path(): string {
    return join(this.request.folder, LOCK_FILE)
  }

  private async isInPlace(): Promise<boolean> {
    if (this.held === undefined) return false
    try {
      return (await lstat(this.path)).ino === this.held.inode
    } catch {
      return false
    }
  }
}

async function acquire({ folder, lockedError, mode }: LockRequest): Promise<HeldSocket> {
  const lock = join(folder, LOCK_FILE)
  const draft = `${LOCK_FILE}.${randomBytes(4).toString('hex')}`
  let sockets: SocketFolder | undefined
  let server: Server | undefined
  let holder: string | undefined
  try {
    createParentFolder(lock, mode)
    sockets = new SocketFolder(folder, draft)
    // It must listen before other processes see it: a socket on which nobody listens counts as dead.
    server = await listen(sockets.path(draft))
    // Whoever can open the folder may ask who holds the lock.
    chmodSync(join(folder, draft), 0o666)
    const inode = lstatSync(join(folder, draft)).ino
    for (let i = 0; i < MAX_ATTEMPTS; i++) {
      if (link(join(folder, draft), lock)) return { server, inode }
      const found = inodeOf(lock)
      const answer = await ask(sockets.path(LOCK_FILE))
      if (answer === 'ended') continue
      if (answer !== 'dead') {
        holder = answer.holder
        break
      }
      if (found !== undefined) removeDeadLock(lock, found, `${join(folder, draft)}.old`)
    }
  } catch (error) {
    server?.close()
    const why = reasonOf(error, folder)
    throw failure('LOCK_UNAVAILABLE', folder, why)
  } finally {
    if (inodeOf(join(folder, draft)) !== undefined) rmSync(join(folder, draft), { force: true })
    sockets?.close()
  }
  server.close()
  throw lockedError(holder ?? 'another process')
}

/** Paths of sockets in a folder, short enough for `sun_path`. */
class SocketFolder {
  private readonly descriptor: number | undefined

  /** @param longest name of a socket */
  constructor(
    private readonly folder: string,
    longest: string
  ) {
    if (Buffer.byteLength(join(folder, longest)) <= MAX_SOCKET_PATH) return
    if (process.platform !== 'linux') {
      throw new Error(`path is longer than ${MAX_SOCKET_PATH - longest.length} bytes`)
    }
    this.descriptor = openSync(folder, 'r')
  }

  path(name: string): string {
    const { descriptor, folder } = this
    return join(descriptor === undefined ? folder : `/proc/self/fd/${descriptor}`, name)
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor)
  }
}

function listen(path: string): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.setTimeout(GREETING_TIMEOUT, () => socket.destroy())
    socket.end(`process ${process.pid} on ${hostname()}`)
    socket.unref()
  })
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })
}

/**
 * Asks the process that listens on a lock who it is.
 *
 * @returns `dead`: nobody listens; `ended`: the process ended while it was asked
 */
function ask(path: string): Promise<{ readonly holder: string } | 'dead' | 'ended'> {
  return new Promise(resolve => {
    let text = ''
    const socket = connect(path)
    socket.setEncoding('utf8')
    socket.setTimeout(GREETING_TIMEOUT, () => socket.destroy())
    socket.on('data', (chunk: string) => (text += chunk.slice(0, 300)))
    socket.on('close', () => resolve({ holder: describe(text) }))
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      // ENOTSOCK: connect(2) of macOS to a regular file; Linux reports ECONNREFUSED.
      if (['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes(code)) resolve('dead')
      else if (['ECONNRESET', 'EPIPE'].includes(code)) resolve('ended')
      else resolve({ holder: `a process that cannot be asked (${code})` })
    })
  })
}

function describe(greeting: string): string {
  if (!GREETING.test(greeting)) return 'a process that does not respond'
  return greeting.replace(` on ${hostname()}`, '')
}

/** Removes the lock of a dead process, but not a lock that has replaced it in the meantime. */
function removeDeadLock(lock: string, inode: number, aside: string): void {
  try {
    renameSync(lock, aside)
  } catch {
    // Another process was faster.
    return
  }
  if (inodeOf(aside) !== inode) link(aside, lock)
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

/** @returns undefined: the file does not exist, or its folder cannot be used */
function inodeOf(path: string): number | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.ino
  } catch {
    return undefined
  }
}
