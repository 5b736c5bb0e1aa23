import { chmodSync } from 'node:fs'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { ConnectionServer } from '../../../gateway/egress/connection-server.js'
import { EXIT } from '../../exit.js'
import type { Io } from '../../io.js'

export interface ObserveOptions {
  readonly socket: string
  readonly conntrack: string
}

/** The gateway is in the group of the socket. */
const SOCKET_MODE = 0o660

/**
 * `interdict observe`: reads connections of clients for the gateway, until SIGTERM or SIGINT. It changes nothing.
 *
 * @throws InterdictError EGRESS_OBSERVE_SOCKET
 */
export async function observe({ socket, conntrack }: ObserveOptions, io: Io): Promise<number> {
  const server = new ConnectionServer(conntrack, (level, message) => {
    const stream = level === 'info' ? io.stdout : io.stderr
    stream.write(`${escapeControls(message)}\n`)
  })
  try {
    await server.listen(socket)
    chmodSync(socket, SOCKET_MODE)
  } catch (error) {
    server.close()
    throw failure('EGRESS_OBSERVE_SOCKET', socket, reasonOf(error, socket))
  }
  io.stdout.write(`waiting for the gateway on ${escapeControls(socket)}\n`)
  await new Promise<void>(resolve => {
    io.onSignal(signal => {
      if (signal !== 'SIGHUP') resolve()
    })
  })
  server.close()
  return EXIT.success
}
