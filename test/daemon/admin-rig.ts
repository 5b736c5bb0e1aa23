import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openAdminSocket } from '../../src/daemon/admin/admin-socket.js'

export const position = { file: 'interdict.yaml', line: 2, column: 11 }

/** A path for a socket in a folder of its own, which is gone when the test is over. */
export function place(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-admin-'))
  t.teardown(() => {
    chmodSync(folder, 0o700)
    rmSync(folder, { recursive: true, force: true })
  })
  return join(folder, 'admin.sock')
}

/** Listens at the path until the test is over. */
export async function listenAt(
  t: Test,
  path: string,
  accept: (socket: Socket) => void
): Promise<void> {
  const socket = await openAdminSocket({ path, position }, visitor => {
    // Who only looks whether somebody is here does not wait for what is said.
    visitor.on('error', () => undefined)
    accept(visitor)
  })
  t.teardown(() => socket.close())
}

/** A socket at the path that a process which is gone has left. */
export async function leaveSocket(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(`${path}.new`, resolve))
  renameSync(`${path}.new`, path)
  await new Promise(resolve => server.close(resolve))
}

const NOBODY = 65_534

/** Runs it as a user who is not root, as which tests in containers run. */
export async function asUser<T>(run: () => Promise<T>): Promise<T> {
  if (process.geteuid!() !== 0) return run()
  process.seteuid!(NOBODY)
  try {
    return await run()
  } finally {
    process.seteuid!(0)
  }
}

/** Sends the pieces, one a turn, and says what comes back until the other side is done. */
export function talk(path: string, pieces: readonly string[], end = false): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const socket = connect(path, () => void send())
    const send = async (): Promise<void> => {
      for (const piece of pieces) {
        await new Promise(done => socket.write(piece, done))
        await new Promise(done => setImmediate(done))
      }
      if (end) socket.end()
    }
    socket.setEncoding('utf8').on('data', (text: string) => (heard += text))
    socket.on('close', () => resolve(heard))
    socket.on('error', reject)
  })
}
