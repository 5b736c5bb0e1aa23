import { chmodSync, existsSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Octets } from '../../base/units.js'
import { readBindingLines } from '../../sources/bindings/json-bindings.js'
import { applyLines } from './apply-lines.js'
import { PathFeed } from './path-feed.js'

const MAX_LINE: Octets = 64 * 1024
const MAX_CONNECTIONS = 16

/** Takes JSON lines from a Unix socket that only the user and the group of the gateway may write to. */
export class JsonSocketFeed extends PathFeed {
  private server: Server | undefined
  private readonly open = new Set<Socket>()

  start(): void {
    const server = createServer(socket => this.serve(socket))
    this.server = server
    server.maxConnections = MAX_CONNECTIONS
    server.on('error', error => this.reporter.down(error))
    if (statSync(this.path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(this.path)
    server.listen(this.path, () => this.onListening())
  }

  private onListening(): void {
    try {
      chmodSync(this.path, 0o660)
      this.reporter.up()
    } catch (error) {
      // A path that is too long for a socket, too: Node opens another one.
      this.close()
      this.reporter.down(error)
    }
  }

  /** Opens the socket again if it is gone: a gateway that this one replaces removes it when it ends. */
  poll(): void {
    if (this.server?.listening !== true || existsSync(this.path)) return
    this.close()
    this.start()
  }

  close(): void {
    this.server?.close()
    for (const socket of this.open) socket.destroy()
  }

  private serve(socket: Socket): void {
    let rest = ''
    this.open.add(socket)
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      const whole = rest + text
      const end = whole.lastIndexOf('\n') + 1
      rest = whole.slice(end)
      this.take(whole.slice(0, end))
      if (rest.length > MAX_LINE) socket.destroy()
    })
    socket.on('end', () => this.take(rest))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.open.delete(socket))
  }

  private take(text: string): void {
    const { reporter, name } = this
    const { store, clock, feed } = reporter
    const now = clock.wall()
    const { changes, errors } = readBindingLines(
      text,
      { source: name, lifetime: feed.lifetime },
      now
    )
    applyLines(store, name, changes, now)
    reporter.onLines(errors)
  }
}
