import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import packet from 'dns-packet'
import { hubClient } from '../../src/cli/args/hub-options.js'
import type { HubClient } from '../../src/admin/api/hub-client.js'
import { decodeToken, encodeToken } from '../../src/fleet/channel/enrol-token.js'
import type { GatewayView, RingView } from '../../src/fleet/hub/views.js'
import { PROGRAM } from '../cli/run.js'
import { askUdp } from '../daemon/dns-client.js'
import { PATIENCE } from './nats-cluster.js'
import { eventually, folder, freePort, interdict, Running, type Owner } from './processes.js'

/**
 * A resolver that knows one address for every name.
 *
 * @param aliases names that are aliases of others
 */
export async function startUpstream(
  t: Owner,
  aliases: Readonly<Record<string, string>> = {}
): Promise<number> {
  const socket = createSocket('udp4')
  socket.on('message', (octets, { port, address }) => {
    const { id, questions = [] } = packet.decode(octets)
    const answers = questions.flatMap(({ name, type }) => {
      const target = aliases[name.toLowerCase()]
      const alias = { name, type: 'CNAME' as const, ttl: 1, data: target! }
      const address = { name: target ?? name, type: 'A' as const, ttl: 1, data: '192.0.2.1' }
      return type !== 'A' ? [] : target === undefined ? [address] : [alias, address]
    })
    const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE
    socket.send(packet.encode({ type: 'response', id, flags, questions, answers }), port, address)
  })
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  t.teardown(() => socket.close())
  return socket.address().port
}

/** A web server for gateways that pull. */
export interface WebServer {
  /** URL of `channel.json`. */
  readonly url: string
  /** Requests for it, and how many of all were answered with 304. */
  asked: number
  unchanged: number
}

/** Serves a folder with ETag. */
export async function startWebServer(t: Owner, folder: string): Promise<WebServer> {
  const server = createServer((request, response) => {
    const octets = readFileSync(join(folder, request.url!))
    const etag = `"${createHash('sha256').update(octets).digest('hex')}"`
    if (request.url === '/channel.json') web.asked++
    if (request.headers['if-none-match'] === etag) {
      web.unchanged++
      response.writeHead(304).end()
    } else response.writeHead(200, { etag }).end(octets)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const web = { url: `http://127.0.0.1:${port}/channel.json`, asked: 0, unchanged: 0 }
  return web
}

export const rulesThatBan = (...names: string[]): string => `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans:
      - { id: test-ban, authority: Nobody, reference: none, names: [${names.join(', ')}] }
`

/** What the second hub needs of the first one. */
const SECOND_HUB = [
  ...['authority.json', 'hub.creds', 'system.creds', 'nats-auth.conf'],
  ...['witness.pem', 'witness.pub']
]

/** The hub, the folder of its settings, and the keys that sign. */
export class HubRig {
  readonly dir: string
  readonly key: string
  readonly publicKey: string
  private hub: Running | undefined

  private constructor(
    private readonly t: Owner,
    dir: string,
    key: string,
    publicKey: string
  ) {
    this.dir = dir
    this.key = key
    this.publicKey = publicKey
  }

  static async create(t: Owner): Promise<HubRig> {
    const dir = folder(t)
    const key = join(dir, 'office.pem')
    const made = await command('bundle', 'keygen', key)
    return new HubRig(t, dir, key, made.trim())
  }

  /** A second hub of the fleet, set up as docs/operations/fleet.md says. */
  static second(t: Owner, first: HubRig, name: string, urls: readonly string[]): HubRig {
    const hub = new HubRig(t, folder(t), first.key, first.publicKey)
    mkdirSync(join(hub.dir, 'hub'), { mode: 0o700 })
    for (const file of SECOND_HUB)
      cpSync(join(first.dir, 'hub', file), join(hub.dir, 'hub', file), { preserveTimestamps: true })
    const text = readFileSync(first.settings, 'utf8').replace(
      /^nats:.*/m,
      `nats: [${urls.join(', ')}]`
    )
    writeFileSync(hub.settings, `name: ${name}\n${text}`)
    return hub
  }

  get auth(): string {
    return join(this.dir, 'hub/nats-auth.conf')
  }

  get settings(): string {
    return join(this.dir, 'hub.yaml')
  }

  /** Keys and settings; the ports are known only then. */
  async init(urls: readonly string[], more: string): Promise<void> {
    await command('hub', 'init', this.dir, '--nats', ...urls, '--trust', this.publicKey)
    const text = readFileSync(this.settings, 'utf8').replace(/^rings:[^]*/m, more)
    writeFileSync(this.settings, text)
  }

  async start(): Promise<void> {
    this.hub = new Running(this.t, process.execPath, [PROGRAM, 'hub', '-c', this.settings])
    await this.hub.says('hub is running', PATIENCE)
  }

  get pid(): number {
    return this.hub!.pid
  }

  async kill(): Promise<void> {
    this.hub?.signal('SIGKILL')
    await this.hub?.ended
  }

  signal(name: NodeJS.Signals): void {
    this.hub!.signal(name)
  }

  get output(): string {
    return this.hub?.output ?? ''
  }

  says(text: string | RegExp): Promise<void> {
    return this.hub!.says(text, PATIENCE)
  }

  /** A signed bundle that bans names. @param head of its rules */
  async bundle(
    serial: number,
    names: readonly string[],
    key = this.key,
    head = ''
  ): Promise<string> {
    const rules = join(this.dir, `rules-${serial}`)
    const file = join(this.dir, `r${serial}.bundle`)
    mkdirSync(rules, { recursive: true })
    writeFileSync(join(rules, 'networks.yaml'), head + rulesThatBan(...names))
    await command('bundle', rules, '-o', file, '-k', key, '--serial', String(serial))
    return file
  }

  fleet(...words: string[]): Promise<string> {
    return command('fleet', ...words, '-c', this.settings)
  }

  async client(): Promise<HubClient> {
    return hubClient({ config: this.settings })
  }

  /** What `/readyz` answers. */
  ready(): Promise<{ readonly status: number; readonly text: string }> {
    const socketPath = join(this.dir, 'hub/hub.sock')
    return new Promise((resolve, reject) => {
      get({ socketPath, path: '/readyz', agent: false }, response => {
        let text = ''
        response.on('data', (piece: Buffer) => (text += piece.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      }).on('error', reject)
    })
  }

  async rings(): Promise<ReadonlyMap<string, RingView>> {
    const client = await this.client()
    const { rings } = await client.get<{ rings: RingView[] }>('/v1/status')
    return new Map(rings.map(ring => [ring.ring, ring]))
  }

  async gateways(): Promise<readonly GatewayView[]> {
    const client = await this.client()
    return (await client.get<{ gateways: GatewayView[] }>('/v1/gateways')).gateways
  }
}

/** A real gateway of the fleet. */
export class GatewayRig {
  readonly dir: string
  port = 0
  /** `log.queries.which` */
  queryLog = 'none'
  private running: Running | undefined

  constructor(
    private readonly t: Owner,
    readonly name: string,
    readonly ring: string
  ) {
    this.dir = folder(t)
  }

  get credentials(): string {
    return join(this.dir, 'fleet.creds')
  }

  get hasBundle(): boolean {
    return existsSync(join(this.dir, 'state/fleet.bundle'))
  }

  /** @param nats servers to try instead of those in the token */
  async enrol(hub: HubRig, nats?: readonly string[]): Promise<void> {
    const token = join(this.dir, 'token')
    const made = await hub.fleet('token', this.name, '--ring', this.ring)
    const text = made.split('\n')[0]!
    writeFileSync(token, nats === undefined ? text : encodeToken({ ...decodeToken(text), nats }))
    await command('fleet', 'enrol', token, '-o', this.credentials)
  }

  /** @param channel lines of `fleet` */
  async configure(publicKey: string, upstream: number, channel: string): Promise<void> {
    this.port = await freePort()
    writeFileSync(
      join(this.dir, 'interdict.yaml'),
      `listen: ['127.0.0.1:${this.port}']
workers: 1
cache: { size: 1MB }
upstreams: { servers: ['127.0.0.1:${upstream}'] }
rules: { bundle: state/fleet.bundle, keys: ['${publicKey}'] }
log: { queries: { which: ${this.queryLog} } }
fleet:
  name: ${this.name}
  ring: ${this.ring}
  report-interval: 1s
${channel}
`
    )
  }

  async start(): Promise<void> {
    const settings = join(this.dir, 'interdict.yaml')
    this.running = new Running(this.t, process.execPath, [PROGRAM, 'serve', '-c', settings])
    await this.running.says('"msg":"serving"', PATIENCE)
  }

  get pid(): number {
    return this.running!.pid
  }

  async stop(): Promise<void> {
    this.running?.signal('SIGTERM')
    await this.running?.ended
  }

  get output(): string {
    return this.running?.output ?? ''
  }

  says(text: string | RegExp): Promise<void> {
    return this.running!.says(text, PATIENCE)
  }

  async rcode(name: string): Promise<string> {
    return (await askUdp({ address: '127.0.0.1', port: this.port }, name)).rcode
  }

  /** Waits until a name is blocked here, or is not. */
  blocks(name: string, wanted = true): Promise<void> {
    return eventually(
      () => `${this.name} blocks ${name}: ${wanted}\n${this.output}`,
      PATIENCE,
      async () => {
        return ((await this.rcode(name)) === 'NXDOMAIN') === wanted
      }
    )
  }
}

/** A command that must succeed. @returns what it printed */
export async function command(...words: string[]): Promise<string> {
  const { code, text } = await interdict(...words)
  if (code !== 0) throw new Error(`interdict ${words.join(' ')}: ${text}`)
  return text
}

/** Asks all gateways in turn until stopped, and counts what is not answered. */
export class Traffic {
  asked = 0
  lost = 0
  private stopped = false
  private readonly done: Promise<void>

  constructor(
    gateways: readonly GatewayRig[],
    private readonly name: string
  ) {
    this.done = this.run(gateways)
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.done
  }

  private async run(gateways: readonly GatewayRig[]): Promise<void> {
    while (!this.stopped) {
      await Promise.all(
        gateways.map(async gateway => {
          this.asked++
          await gateway.rcode(this.name).catch(() => this.lost++)
        })
      )
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}
