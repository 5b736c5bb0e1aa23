import { connect, type Socket } from 'node:net'
import type { Milliseconds, Octets } from '../../base/units.js'
import { readKeaReply } from '../../sources/bindings/kea-leases.js'
import { PathFeed } from './path-feed.js'

const TIMEOUT: Milliseconds = 5000
const MAX_REPLY: Octets = 256 * 2 ** 20

/** Asks the control socket of Kea for all leases, again and again. Its hook `lease_cmds` has to be loaded. */
export class KeaSocketFeed extends PathFeed {
  private socket: Socket | undefined
  private nextAt: Milliseconds = -Infinity

  start(): void {
    this.poll()
  }

  poll(): void {
    const { clock, feed } = this.reporter
    if (this.socket !== undefined || clock.now() < this.nextAt) return
    this.nextAt = clock.now() + feed.every
    this.ask(`lease${feed.family}-get-all`)
  }

  close(): void {
    this.socket?.destroy()
  }

  private ask(command: string): void {
    const socket = connect(this.path)
    this.socket = socket
    const parts: Buffer[] = []
    let octets = 0
    socket.setTimeout(TIMEOUT, () => socket.destroy(new Error('no reply within 5 s')))
    socket.on('connect', () => socket.write(JSON.stringify({ command })))
    socket.on('data', (part: Buffer) => {
      parts.push(part)
      octets += part.length
      if (octets > MAX_REPLY) socket.destroy(new Error('the reply is larger than 256 MB'))
    })
    socket.on('end', () => this.take(Buffer.concat(parts).toString()))
    socket.on('error', error => this.reporter.down(error))
    socket.on('close', () => (this.socket = undefined))
  }

  private take(text: string): void {
    const { reporter, name } = this
    try {
      const { bindings, errors } = readKeaReply(JSON.parse(text), name)
      reporter.store.replace(name, bindings, reporter.clock.wall())
      reporter.up(errors)
    } catch (error) {
      reporter.down(error)
    }
  }
}
