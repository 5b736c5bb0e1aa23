import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { LOOPBACK } from './place.js'

const ZONE = 'rpz.bench'
const [SOA, IXFR] = [6, 251]
/** So large messages are, more or less: what BIND sends. */
const MESSAGE = 20_000
/** A CNAME to the root behind its owner: TYPE, CLASS, TTL, RDLENGTH and RDATA. */
const NXDOMAIN = Buffer.from([0, 5, 0, 1, 0, 0, 0, 60, 0, 1, 0])
/** Where the zone's name is in each message: QNAME. */
const APEX = Buffer.from([0xc0, 12])

/** What a version takes away and adds, by serial. */
interface Change {
  readonly gone: readonly string[]
  readonly added: readonly string[]
}

/** A primary with one response policy zone, for measuring: no key, and everything is NXDOMAIN. */
export class ZonePrimary {
  readonly zone = ZONE
  port = 0
  private serial = 1
  private readonly changes = new Map<number, Change>()
  private readonly server = createServer(socket => this.serve(socket))

  /** @param names those of the first version */
  static async open(names: () => Iterable<string>): Promise<ZonePrimary> {
    const made = new ZonePrimary(names)
    made.server.listen(0, LOOPBACK)
    await once(made.server, 'listening')
    made.port = (made.server.address() as AddressInfo).port
    return made
  }

  private constructor(private readonly names: () => Iterable<string>) {}

  /** Another version. */
  change(change: Change): void {
    this.changes.set(++this.serial, change)
  }

  /** Says so to a secondary. RFC 1996 §3.7. */
  notify(port: number): void {
    const socket = createSocket('udp4')
    const query = Buffer.concat([
      Buffer.from([0, 1, 0x24, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      question(SOA)
    ])
    socket.send(query, port, LOOPBACK, () => undefined)
    socket.once('message', () => socket.close())
    socket.unref()
  }

  close(): void {
    this.server.close()
  }

  private serve(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    socket.once('data', query => {
      const octets = Buffer.from(query).subarray(2)
      const qtype = octets.readUInt16BE(12 + wire(ZONE).length)
      void this.answer(socket, octets, qtype)
    })
  }

  private async answer(socket: Socket, query: Buffer, qtype: number): Promise<void> {
    let records: Buffer[] = []
    let size = 0
    const send = async (): Promise<void> => {
      const head = Buffer.from([query[0]!, query[1]!, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0])
      head.writeUInt16BE(records.length, 6)
      const message = Buffer.concat([head, question(qtype), ...records])
      const length = Buffer.alloc(2)
      length.writeUInt16BE(message.length)
      if (!socket.write(Buffer.concat([length, message]))) await once(socket, 'drain')
      records = []
      size = 0
    }
    for (const record of this.records(query, qtype)) {
      records.push(record)
      size += record.length
      if (size > MESSAGE) await send()
    }
    if (records.length > 0) await send()
  }

  private *records(query: Buffer, qtype: number): Iterable<Buffer> {
    const have = qtype === IXFR ? query.readUInt32BE(query.length - 20) : undefined
    yield soa(this.serial)
    if (qtype === SOA || have === this.serial) return
    if (have === undefined) {
      const gone = new Set<string>()
      for (const { gone: more } of this.changes.values()) for (const name of more) gone.add(name)
      for (const name of this.names()) if (!gone.has(name)) yield policy(name)
      for (const { added } of this.changes.values()) {
        for (const name of added) if (!gone.has(name)) yield policy(name)
      }
    } else {
      for (let serial = have; serial < this.serial; serial++) {
        const { gone, added } = this.changes.get(serial + 1)!
        yield soa(serial)
        for (const name of gone) yield policy(name)
        yield soa(serial + 1)
        for (const name of added) yield policy(name)
      }
    }
    yield soa(this.serial)
  }
}

function question(qtype: number): Buffer {
  return Buffer.concat([wire(ZONE), Buffer.from([qtype >> 8, qtype & 255, 0, 1])])
}

function policy(name: string): Buffer {
  return Buffer.concat([wire(name).subarray(0, -1), APEX, NXDOMAIN])
}

function soa(serial: number): Buffer {
  const rdata = Buffer.alloc(22)
  ;[serial, 3600, 600, 86_400, 60].forEach((value, i) => rdata.writeUInt32BE(value, 2 + 4 * i))
  return Buffer.concat([APEX, Buffer.from([0, SOA, 0, 1, 0, 0, 0, 60, 0, 22]), rdata])
}

function wire(name: string): Buffer {
  const labels = name.split('.').map(label => Buffer.from(`.${label}`))
  for (const label of labels) label[0] = label.length - 1
  return Buffer.concat([...labels, Buffer.alloc(1)])
}
