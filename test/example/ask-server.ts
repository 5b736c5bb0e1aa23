import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import packet from 'dns-packet'

interface Question {
  readonly server: string
  readonly port: number
  readonly name: string
  readonly type: string
  readonly flags: ReadonlySet<string>
}

/** Types that dns-packet does not know. */
const UNKNOWN: Readonly<Record<string, string>> = { SVCB: 'UNKNOWN_64', HTTPS: 'UNKNOWN_65' }
/** Long enough for a busy machine. */
const TIMEOUT = 20_000

/** Sends one query with EDNS over UDP, TCP or TLS. @returns the reply */
export function askServer({ server, port, name, type, flags }: Question): Promise<Buffer> {
  const query = packet.encode({
    type: 'query',
    id: 1 + Math.floor(Math.random() * 65_000),
    flags: packet.RECURSION_DESIRED,
    questions: [{ name, type: (UNKNOWN[type] ?? type) as 'A' }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] }] as never
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no reply from ${server}:${port}`)), TIMEOUT)
    const done = (octets: Buffer): void => {
      clearTimeout(timer)
      resolve(octets)
    }
    if (flags.has('tcp') || flags.has('tls')) overStream(done, reject)
    else overUdp(done, reject)
  })

  function overUdp(done: (octets: Buffer) => void, reject: (error: Error) => void): void {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4')
    socket.on('error', reject).on('message', octets => {
      socket.close()
      done(octets)
    })
    socket.send(query, port, server)
  }

  function overStream(done: (octets: Buffer) => void, reject: (error: Error) => void): void {
    const socket = flags.has('tls')
      ? connectTls({ host: server, port, rejectUnauthorized: false })
      : connect(port, server)
    let received = Buffer.alloc(0)
    socket.on('error', reject).on('data', (octets: Buffer) => {
      received = Buffer.concat([received, octets])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      socket.destroy()
      done(received.subarray(2))
    })
    socket.write(Buffer.concat([Buffer.of(query.length >> 8, query.length & 255), query]))
  }
}
