import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Test } from 'tap'
import type { OutputConfig } from '../../../src/lookups/settings/output-config.js'
import { Exporter } from '../../../src/lookups/export/exporter.js'
import { Site } from '../../daemon/site.js'
import { freePort } from '../../udp/free-port.js'
import { rememberingLog } from '../record/events.js'

const FIXTURES = 'test/fixtures/tls'
export const CERTIFICATE = `${FIXTURES}/siem.example.pem`

/** A server that records what it receives, by connection. */
export class Sink {
  readonly received: string[] = []
  /** Whether it closes a connection at its first octet. */
  rude = false
  private readonly sockets = new Set<Socket>()
  private readonly server: Server

  constructor(t: Test, secure = false) {
    const serve = (socket: Socket): void => {
      const nth = this.received.push('') - 1
      this.sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('data', piece => {
        if (this.rude) return void socket.destroy()
        this.received[nth] = `${this.received[nth]!}${piece.toString('latin1')}`
      })
    }
    this.server = secure
      ? createTlsServer(
          { cert: readFileSync(CERTIFICATE), key: readFileSync(`${FIXTURES}/siem.example.key`) },
          serve
        )
      : createServer(serve)
    this.server.on('tlsClientError', () => undefined)
    t.teardown(() => this.close())
  }

  get all(): string {
    return this.received.join('')
  }

  get port(): number {
    return portOf(this.server)
  }

  async listen(port = 0): Promise<this> {
    await listenOn(this.server, port)
    return this
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise<void>(resolve => this.server.close(() => resolve()))
  }
}

/** The port of a listening server. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** @param port 0: a free one, which stays free if the server is closed for a while */
export async function listenOn(server: Server, port: number): Promise<void> {
  server.listen(port === 0 ? await freePort() : port, '127.0.0.1')
  await once(server, 'listening')
}

export type Given = Partial<Omit<OutputConfig, 'to' | 'tls' | 'spool'>> & {
  readonly to?: Partial<OutputConfig['to']>
  readonly tls?: Partial<OutputConfig['tls']>
  readonly octets?: number
}

export function output(site: Site, { to, tls, octets = 2 ** 26, ...given }: Given): OutputConfig {
  return {
    ...{ name: 'test', type: 'json', which: 'all', format: 'interdict' },
    ...given,
    to: { kind: 'tcp', host: '127.0.0.1', port: 0, path: '', ...to },
    tls: { ca: '', cert: '', key: '', serverName: 'siem.example', ...tls },
    headers: given.headers ?? '',
    compression: given.compression ?? 'none',
    spool: { folder: site.path('spool'), octets }
  }
}

export function openOutlet(t: Test, given: Given, site = new Site(t, {})) {
  const log = rememberingLog()
  const outlet = new Exporter(output(site, given), log)
  outlet.start()
  t.teardown(() => outlet.close())
  return { outlet, log, site }
}

/** A lookup with its number in the field `us`. */
export function line(us: number, more: object = {}): string {
  return JSON.stringify({
    ...{ v: 1, time: '2023-03-13T09:26:53.589Z', generation: 7, client: '10.20.3.4' },
    ...{ network: 'federal-phones', protocol: 'udp', qname: 'www.tiktok.com', qtype: 'AAAA' },
    ...{ rcode: 'NXDOMAIN', verdict: 'blocked', match: 'qname', app: 'tiktok' },
    ...{ ban: 'federal-phones/tiktok', rule: 'networks.yaml:14', pattern: 'tiktok.com' },
    ...{ source: 'apps/tiktok.yaml:9', us, ede: 16, ...more }
  })
}

export function push(
  outlet: Pick<Exporter, 'push'>,
  from: number,
  to: number,
  more: object = {}
): void {
  const lines = Array.from({ length: to - from }, (_, i) => `${line(from + i, more)}\n`)
  outlet.push(Buffer.from(lines.join('')), lines.length)
}

/** The numbers of lookups in JSON lines. */
export function numbers(text: string): number[] {
  return [...text.matchAll(/"us":(\d+)/g)].map(([, us]) => Number(us))
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
