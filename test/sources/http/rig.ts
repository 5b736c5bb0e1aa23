import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import packet from 'dns-packet'
import type { Test } from 'tap'
import type { Endpoint } from '../../../src/wire/sockets/datagram.js'

/** Of lists.example, banned.example and 127.0.0.1, from 2020 to 2100; nobody else trusts it. */
export const CERTIFICATE = 'test/sources/http/server-cert.pem'
const tls = {
  cert: readFileSync(CERTIFICATE),
  key: readFileSync('test/sources/http/server-key.pem')
}

/** A list server with configurable responses by path. */
export class ListServer {
  readonly seen: { readonly path: string; readonly headers: NodeJS.Dict<string | string[]> }[] = []
  private readonly answers = new Map<string, RequestListener>()
  private port = 0

  private constructor(private readonly scheme: string) {}

  static async open(t: Test, scheme: 'http' | 'https' = 'https'): Promise<ListServer> {
    const listener: RequestListener = (asked, response) => made.answer(asked, response)
    const server = scheme === 'https' ? createTlsServer(tls, listener) : createServer(listener)
    const made = new ListServer(scheme)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    made.port = (server.address() as AddressInfo).port
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    return made
  }

  url(path: string, host = 'lists.example'): string {
    return `${this.scheme}://${host}:${this.port}${path}`
  }

  on(path: string, answer: RequestListener | string | Uint8Array): void {
    this.answers.set(
      path,
      typeof answer === 'function' ? answer : (_asked, response) => response.end(answer)
    )
  }

  /** Number of requests for a path. */
  times(path: string): number {
    return this.seen.filter(one => one.path === path).length
  }

  private readonly answer: RequestListener = (asked, response) => {
    const path = asked.url!
    this.seen.push({ path, headers: asked.headers })
    const answer = this.answers.get(path)
    if (answer !== undefined) return answer(asked, response)
    response.writeHead(404).end('nothing here')
  }
}

/** An upstream that answers 127.0.0.1 for every name. */
export async function upstream(t: Test): Promise<{ endpoint: Endpoint; asked: string[] }> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (octets, { address, port }) => {
    const { id, questions } = packet.decode(octets)
    const { name, type } = questions![0]!
    asked.push(`${name.toLowerCase()} ${type}`)
    const isNowhere = name.toLowerCase().endsWith('nowhere.example')
    const answers = type === 'A' && !isNowhere ? [{ name, type, ttl: 60, data: '127.0.0.1' }] : []
    const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (isNowhere ? 3 : 0)
    const reply = { id, type: 'response', flags, questions, answers } as packet.Packet
    socket.send(packet.encode(reply), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return { endpoint: { address: '127.0.0.1', port: socket.address().port }, asked }
}
