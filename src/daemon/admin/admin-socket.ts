import { existsSync, lstatSync, unlinkSync, type Stats } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { failureAt, type InterdictError } from '../../base/error.js'
import type { AdminSocketConfig } from '../../config/config.js'

/** Whoever may write to it may use it: the owner of the process, and root. */
const SOCKET_UMASK = 0o177

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder is not there',
  ENOTDIR: 'its folder is none',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'its file system is read-only',
  EADDRINUSE: 'somebody listens there; is another Interdict running?'
}

/** A Unix stream socket that listens. */
export interface AdminSocket {
  /** Takes no connection any more, and takes the file away, if it is still this socket. */
  close(): void
}

/**
 * Listens at a path, mode 0600. A socket that a process which is gone left there is taken away;
 * anything else that is there is an error, and stays as it is.
 *
 * @throws InterdictError ADMIN_SOCKET
 */
export async function openAdminSocket(
  where: AdminSocketConfig,
  accept: (socket: Socket) => void
): Promise<AdminSocket> {
  const { path } = where
  await removeStaleSocket(where)
  const server = createServer({ allowHalfOpen: true }, accept)
  await listen(server, where)
  // Where descriptors run out, accepting fails; the client tries again.
  server.on('error', () => undefined)
  const ours = statOf(path)
  return {
    close: () => {
      // Closing takes away whatever stands at the path: see unlink in libuv's uv__pipe_close.
      if (isSame(statOf(path), ours)) server.close()
      else server.unref()
    }
  }
}

/** Takes away a socket on which nobody listens. */
async function removeStaleSocket(where: AdminSocketConfig): Promise<void> {
  const { path } = where
  const found = statOf(path)
  if (found === undefined) return
  if (!found.isSocket()) throw refuse(where, 'something else than a socket is there')
  const answer = await probe(path)
  if (answer === undefined) throw refuse(where, REASONS.EADDRINUSE!)
  if (answer !== 'ECONNREFUSED') throw refuse(where, REASONS[answer] ?? answer)
  // Another process may just have done the same, and listen there by now.
  if (isSame(statOf(path), found)) unlink(where)
}

function unlink(where: AdminSocketConfig): void {
  try {
    unlinkSync(where.path)
  } catch (error) {
    throw refuse(where, reasonOf(error))
  }
}

/** The code of the error with which connecting fails; undefined: somebody listens. */
function probe(path: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => resolve(code))
  })
}

function listen(server: Server, where: AdminSocketConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      // libuv says EACCES for ENOENT, as Windows does.
      const isLost = !existsSync(dirname(where.path))
      reject(refuse(where, isLost ? REASONS.ENOENT! : reasonOf(error)))
    })
    // The file is made within the call, so that it never has another mode.
    const before = process.umask(SOCKET_UMASK)
    try {
      server.listen(where.path, () => {
        server.removeAllListeners('error')
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function isSame(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev && one.isSocket()
}

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return REASONS[code] ?? message
}

function refuse({ path, position }: AdminSocketConfig, why: string): InterdictError {
  return failureAt(position, 'ADMIN_SOCKET', path, why)
}
