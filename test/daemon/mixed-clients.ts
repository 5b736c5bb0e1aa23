import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Test } from 'tap'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { TcpMessageReader } from '../../src/resolver/upstream/tcp/tcp-message-reader.js'

/** Sends a query and resolves with its reply; undefined: there was none in time. */
export type Ask = (query: Buffer) => Promise<Buffer | undefined>

/** A datagram may be lost on a busy machine; the query is not repeated. */
const PATIENCE = 5_000

/** One client over each transport from this address: UDP, TCP, DNS over TLS, DNS over HTTPS. */
export async function mixedClients(
  t: Test,
  localAddress: string,
  [dns, dot, doh]: readonly [Endpoint, Endpoint, Endpoint]
): Promise<readonly Ask[]> {
  const tcp = connectTcp({ host: dns.address, port: dns.port, localAddress })
  const below = connectTcp({ host: dot.address, port: dot.port, localAddress })
  const tls = connectTls({ socket: below, rejectUnauthorized: false })
  await Promise.all([once(tcp, 'connect'), once(tls, 'secureConnect')])
  return [
    await overUdp(t, localAddress, dns),
    overStream(t, tcp),
    overStream(t, tls),
    overHttps(t, localAddress, doh)
  ]
}

async function overUdp(t: Test, localAddress: string, { address, port }: Endpoint): Promise<Ask> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000 })
  socket.bind(0, localAddress)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const waiting = new Waiting()
  socket.on('message', octets => waiting.end(octets))
  return query => {
    socket.send(query, port, address)
    return waiting.begin(query)
  }
}

function overStream(t: Test, socket: Socket): Ask {
  t.teardown(() => socket.destroy())
  const waiting = new Waiting()
  const reader = new TcpMessageReader(message => waiting.end(Buffer.from(message)))
  socket.on('data', (chunk: Buffer) => reader.take(chunk))
  socket.on('error', () => undefined)
  return query => {
    socket.write(Buffer.concat([Buffer.of(query.length >> 8, query.length & 255), query]))
    return waiting.begin(query)
  }
}

/** Opens another session where the gateway has closed one, as after the most requests that it takes over one. */
function overHttps(t: Test, localAddress: string, { address, port }: Endpoint): Ask {
  const terms = { rejectUnauthorized: false, localAddress }
  const open = () => {
    const session = connectHttp2(`https://${address}:${port}`, terms)
    session.on('error', () => undefined)
    t.teardown(() => session.destroy())
    return session
  }
  let session = open()
  return query =>
    new Promise(resolve => {
      if (session.closed || session.destroyed) session = open()
      const stream = session.request({
        ':method': 'POST',
        ':path': '/dns-query',
        'content-type': 'application/dns-message'
      })
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', () => resolve(undefined))
      stream.on('close', () => resolve(chunks.length === 0 ? undefined : Buffer.concat(chunks)))
      stream.end(query)
    })
}

/** Queries without a reply, by ID. */
class Waiting {
  private readonly byId = new Map<number, (reply: Buffer | undefined) => void>()

  begin(query: Buffer): Promise<Buffer | undefined> {
    const id = query.readUInt16BE()
    return new Promise(resolve => {
      const timer = setTimeout(() => done(undefined), PATIENCE)
      const done = (reply: Buffer | undefined): void => {
        clearTimeout(timer)
        this.byId.delete(id)
        resolve(reply)
      }
      this.byId.set(id, done)
    })
  }

  end(reply: Buffer): void {
    this.byId.get(reply.readUInt16BE())?.(reply)
  }
}
