import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { ConnectionEvent } from '../../sources/egress/conntrack-event.js'
import type { ConnectionMessage } from './connection-messages.js'
import { ConntrackProcess, countsOctets } from './conntrack-process.js'

/** How long events are collected before they are sent. */
const BATCH: Milliseconds = 200
const MAX_BATCH = 10_000
/** What may wait for a gateway that does not read; more is dropped, and counted. */
const MAX_BACKLOG: Octets = 8 * 2 ** 20

/** Sends events of connections to one gateway at a time over a Unix socket, and reads them only while one is connected. */
export class ConnectionServer {
  private readonly server: Server
  private readonly conntrack: ConntrackProcess
  private client: Socket | undefined
  private events: ConnectionEvent[] = []
  private lost = 0
  private timer: NodeJS.Timeout | undefined

  /** @param program `conntrack`, or its path */
  constructor(
    program: string,
    private readonly log: (level: 'info' | 'warn', message: string) => void
  ) {
    this.server = createServer(socket => this.accept(socket))
    this.conntrack = new ConntrackProcess(program, {
      event: event => this.add(event),
      overrun: () => this.lost++,
      state: (isReading, error) => this.report(isReading, error)
    })
  }

  /** @param path removed first: the previous helper may have left it */
  async listen(path: string): Promise<void> {
    rmSync(path, { force: true })
    await new Promise<void>((done, fail) => {
      this.server.once('error', fail)
      this.server.listen(path, done)
    })
  }

  close(): void {
    this.conntrack.stop()
    clearInterval(this.timer)
    this.client?.destroy()
    this.server.close()
  }

  private accept(socket: Socket): void {
    this.client?.destroy()
    this.client = socket
    this.events = []
    this.lost = 0
    socket.resume()
    socket.on('error', () => undefined)
    socket.on('close', () => this.forget(socket))
    // From the start: events of the time before are not those of this gateway.
    this.conntrack.stop()
    this.conntrack.start()
    this.timer ??= setInterval(() => this.flush(), BATCH)
  }

  private forget(socket: Socket): void {
    if (this.client !== socket) return
    this.client = undefined
    this.conntrack.stop()
    clearInterval(this.timer)
    this.timer = undefined
  }

  private add(event: ConnectionEvent): void {
    if (this.events.length < MAX_BATCH) this.events.push(event)
    else this.lost++
  }

  private report(isReading: boolean, error: string | null): void {
    if (isReading) this.log('info', 'reading connections')
    else this.log('warn', `connections not read: ${error}; retrying`)
    this.send({ reading: isReading, counted: countsOctets(), error })
  }

  private flush(): void {
    const { client, events, lost } = this
    if (client === undefined || (events.length === 0 && lost === 0)) return
    this.events = []
    if (client.writableLength > MAX_BACKLOG) {
      this.lost += events.length
      return
    }
    this.lost = 0
    this.send({ events, lost })
  }

  private send(message: ConnectionMessage): void {
    this.client?.write(`${JSON.stringify(message)}\n`)
  }
}
