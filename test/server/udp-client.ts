import { createSocket } from 'node:dgram'

/** A query for the A records of a name, as octets; RD set. */
export function nameQuery(name: string, { id = 0xabcd, edns = true } = {}): Buffer {
  const labels = name
    .split('.')
    .map(label => Buffer.from(`${String.fromCharCode(label.length)}${label}`))
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0])
  const opt = edns ? Buffer.from([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]) : Buffer.alloc(0)
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1]), opt])
}

/** A UDP client that collects the messages that come back. */
export class UdpClient {
  readonly messages: Buffer[] = []
  private readonly socket = createSocket('udp4')

  constructor(private readonly port: number) {
    this.socket.on('message', message => this.messages.push(message))
  }

  send(octets: Uint8Array): Promise<void> {
    return new Promise(resolve => this.socket.send(octets, this.port, '127.0.0.1', () => resolve()))
  }

  close(): void {
    this.socket.close()
  }
}
