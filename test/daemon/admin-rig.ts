import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openAdminSocket } from '../../src/gateway/socket/admin-socket.js'

export const position = { file: 'interdict.yaml', line: 2, column: 11 }

/** A socket path in a temporary folder, which is removed at teardown. */
export function place(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-admin-'))
  t.teardown(() => {
    chmodSync(folder, 0o700)
    rmSync(folder, { recursive: true, force: true })
  })
  return join(folder, 'admin.sock')
}

/** Listens at the path until teardown. */
export async function listenAt(
  t: Test,
  path: string,
  accept: (socket: Socket) => void
): Promise<void> {
  const socket = await openAdminSocket({ path, position }, visitor => {
    // A client that only probes disconnects without reading the reply.
    visitor.on('error', () => undefined)
    accept(visitor)
  })
  t.teardown(() => socket.close())
}

/** Leaves a stale socket at the path, as a killed process does. */
export async function leaveSocket(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(`${path}.new`, resolve))
  renameSync(`${path}.new`, path)
  await new Promise(resolve => server.close(resolve))
}

const NOBODY = 65_534

/** Runs it as another user than root, as which tests run in containers. */
export async function asUser<T>(run: () => Promise<T>): Promise<T> {
  if (process.geteuid!() !== 0) return run()
  process.seteuid!(NOBODY)
  try {
    return await run()
  } finally {
    process.seteuid!(0)
  }
}

/** Sends the pieces, one per tick, and returns the whole reply. */
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
