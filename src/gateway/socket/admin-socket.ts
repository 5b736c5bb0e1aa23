import { existsSync, lstatSync, statSync, unlinkSync, type Stats } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { failure, failureAt, type InterdictError } from '../../base/errors/error.js'
import { createParentFolder } from '../../base/files/parent-folder.js'
import type { Position } from '../../base/errors/position.js'
import { reasonOf } from '../../base/errors/reason.js'
import { fittingSocketPath } from '../../base/files/socket-path.js'

/** Whoever may write to the socket may use it: the user of the process, and root. */
const OWNER_UMASK = 0o177
/** Mode for the owner and the group of the process. */
export const GROUP_UMASK = 0o117
/** Of a folder that is made for it. */
const FOLDER_MODE = 0o700

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its parent is not a folder',
  EADDRINUSE: 'another process listens on it; is another Interdict running?'
}

export interface AdminSocketPlace {
  readonly path: string
  /** Position of the setting; undefined: the default. */
  readonly position?: Position | undefined
}

/** A listening Unix stream socket. */
export interface AdminSocket {
  readonly path: string
  /** Stops listening, and removes the file if it is still this socket. */
  close(): void
}

/**
 * Listens at a path, by default with mode 0600, in a folder that is created if missing. A stale socket of an earlier process is removed; anything else at the path
 * is an error and is left alone.
 *
 * @throws InterdictError ADMIN_SOCKET
 */
export async function openAdminSocket(
  config: AdminSocketPlace,
  accept: (socket: Socket) => void,
  umask = OWNER_UMASK
): Promise<AdminSocket> {
  const { path } = config
  makeFolder(config)
  await removeStaleSocket(config)
  const server = createServer({ allowHalfOpen: true }, accept)
  const release = await listen(server, config, umask)
  // Accepting fails when file descriptors run out; the client may retry.
  server.on('error', () => undefined)
  const own = statOf(path)
  return {
    path,
    close: () => {
      // Closing removes whatever is at the path: see unlink in libuv's uv__pipe_close.
      if (isSame(statOf(path), own)) server.close(release)
      else server.unref()
    }
  }
}

function makeFolder(config: AdminSocketPlace): void {
  try {
    createParentFolder(config.path, FOLDER_MODE)
  } catch (error) {
    throw socketError(config, reasonAgainst(error))
  }
  if (!statSync(dirname(config.path)).isDirectory()) throw socketError(config, REASONS.ENOTDIR!)
}

/** Removes a socket on which no process listens. */
async function removeStaleSocket(config: AdminSocketPlace): Promise<void> {
  const { path } = config
  const found = statOf(path)
  if (found === undefined) return
  if (!found.isSocket()) throw socketError(config, 'the path exists and is not a socket')
  const error = await probe(path)
  if (error === undefined) throw socketError(config, REASONS.EADDRINUSE!)
  if (error.code !== 'ECONNREFUSED') throw socketError(config, reasonAgainst(error))
  // Another process may have replaced the socket meanwhile and listen on it now.
  if (isSame(statOf(path), found)) unlink(config)
}

function unlink(config: AdminSocketPlace): void {
  try {
    unlinkSync(config.path)
  } catch (error) {
    throw socketError(config, reasonAgainst(error))
  }
}

/** Tries to connect. @returns the error; undefined: a process listens */
function probe(path: string): Promise<NodeJS.ErrnoException | undefined> {
  const fitting = fittingSocketPath(path)
  return new Promise(resolve => {
    const socket = connect(fitting.path, () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', resolve)
    socket.once('close', fitting.release)
  })
}

/** @returns releases what the path needs, to be called when the server is closed */
function listen(server: Server, config: AdminSocketPlace, umask: number): Promise<() => void> {
  const fitting = fittingSocketPath(config.path)
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      fitting.release()
      // libuv reports EACCES in place of ENOENT, as Windows does.
      const isFolderMissing = !existsSync(dirname(config.path))
      reject(socketError(config, isFolderMissing ? REASONS.ENOENT! : reasonAgainst(error)))
    })
    // The socket is created within the call, so it never has another mode.
    const previous = process.umask(umask)
    try {
      server.listen(fitting.path, () => {
        server.removeAllListeners('error')
        resolve(fitting.release)
      })
    } finally {
      process.umask(previous)
    }
  })
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function isSame(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev && one.isSocket()
}

function reasonAgainst(error: unknown): string {
  return REASONS[(error as NodeJS.ErrnoException).code ?? ''] ?? reasonOf(error)
}

function socketError({ path, position }: AdminSocketPlace, why: string): InterdictError {
  return position === undefined
    ? failure('ADMIN_SOCKET', path, why)
    : failureAt(position, 'ADMIN_SOCKET', path, why)
}
