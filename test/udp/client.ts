import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

/** A plain UDP client that sends texts and collects the replies. */
export class Client {
  readonly got: string[] = []
  readonly from: RemoteInfo[] = []
  private readonly waiting: { count: number; resolve: () => void }[] = []

  private constructor(readonly socket: Socket) {
    socket.on('message', (octets, peer) => {
      this.got.push(octets.toString('latin1'))
      this.from.push(peer)
      for (const { count, resolve } of this.waiting) if (this.got.length >= count) resolve()
    })
    socket.on('error', () => undefined)
  }

  static async at(address: string): Promise<Client> {
    const socket = createSocket({
      type: address.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: 1 << 22
    })
    await new Promise<void>(resolve => socket.bind(0, address, resolve))
    return new Client(socket)
  }

  get port(): number {
    return this.socket.address().port
  }

  /** Resolves when the datagram is in the receiver's queue: loopback delivers within the call. */
  send(text: string, port: number, address: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(Buffer.from(text, 'latin1'), port, address, error => {
        if (error) reject(error)
        else resolve()
      })
    })
  }

  async all(texts: readonly string[], port: number, address: string): Promise<void> {
    await Promise.all(texts.map(text => this.send(text, port, address)))
  }

  /** Resolves when `count` datagrams have arrived in total. */
  until(count: number): Promise<void> {
    if (this.got.length >= count) return Promise.resolve()
    return new Promise(resolve => this.waiting.push({ count, resolve }))
  }

  close(): void {
    this.socket.close()
  }
}

/** Resolves after some event loop iterations: datagrams in flight on loopback have then arrived. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}
