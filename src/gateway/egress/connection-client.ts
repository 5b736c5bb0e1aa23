import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import { connectionMessage, type ConnectionMessage } from './connection-messages.js'

/** Between two attempts to connect. */
const RETRY: Milliseconds = 2000

export interface ConnectionListener {
  message(message: ConnectionMessage): void
  /** The helper is not connected. Called at each attempt. */
  down(error: string): void
}

/** Receives events of connections from the egress helper, and connects again when it is gone. */
export class ConnectionClient {
  private socket: Socket | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly path: string,
    private readonly listener: ConnectionListener
  ) {}

  start(): void {
    const socket = connect(this.path)
    this.socket = socket
    let error = 'it closed the connection'
    createInterface({ input: socket })
      .on('line', line => this.take(socket, line))
      .on('error', () => undefined)
    socket.on('error', cause => (error = reasonOf(cause)))
    socket.on('close', () => {
      if (this.socket !== socket) return
      this.listener.down(error)
      this.timer = setTimeout(() => this.start(), RETRY)
    })
  }

  close(): void {
    clearTimeout(this.timer)
    const { socket } = this
    this.socket = undefined
    socket?.destroy()
  }

  private take(socket: Socket, line: string): void {
    if (this.socket !== socket) return
    const message = readMessage(line)
    if (message === undefined) socket.destroy(new Error('it sent what is not a message'))
    else this.listener.message(message)
  }
}

function readMessage(line: string): ConnectionMessage | undefined {
  try {
    return connectionMessage.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
