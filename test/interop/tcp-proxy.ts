import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Owner } from './processes.js'

/** A way to a server that can be cut as a network is: what is sent meanwhile arrives later, or never. */
export class TcpProxy {
  private readonly sockets = new Set<Socket>()
  private isCut = false

  private constructor(readonly port: number) {}

  static async open(t: Owner, target: number): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const proxy = new TcpProxy((server.address() as AddressInfo).port)
    server.on('connection', client => proxy.join(client, connect(target, '127.0.0.1')))
    t.teardown(() => {
      server.close()
      for (const socket of proxy.sockets) socket.destroy()
    })
    return proxy
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.pause()
  }

  /** What both sides have sent meanwhile arrives now. */
  mend(): void {
    this.isCut = false
    for (const socket of this.sockets) socket.resume()
  }

  private join(client: Socket, server: Socket): void {
    for (const [from, to] of [
      [client, server],
      [server, client]
    ] as const) {
      this.sockets.add(from)
      from.on('data', data => to.write(data))
      // While it is cut, neither side hears of the end of the other.
      from.on('error', () => undefined)
      from.on('close', () => {
        this.sockets.delete(from)
        to.destroySoon()
      })
      if (this.isCut) from.pause()
      else from.resume()
    }
  }
}
