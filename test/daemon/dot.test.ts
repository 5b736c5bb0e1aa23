import { once } from 'node:events'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { DohClient, POST } from '../server/doh-client.js'
import { makeCertificate } from '../tls/certificates.js'
import { encodeQuery, framedQuery } from './dns-client.js'
import { Rig, serving, type Setting } from './serve.js'
import { banning, eventually } from './site.js'

const [one, two] = ['one.example', 'two.example'].map(name => makeCertificate({ names: [name] }))
const LISTEN = '{ address: 127.0.0.1:0, protocol: dot, certificate: cert.pem, key: key.pem }'
const setting: Setting = {
  listen: ['127.0.0.1:0', LISTEN],
  queries: 'flush: 10ms, which: all',
  workers: 2,
  files: {
    'rules/networks.yaml': banning('banned.example'),
    'cert.pem': one!.certificate,
    'key.pem': one!.key
  }
}

class Client {
  private received = Buffer.alloc(0)
  isClosed = false

  private constructor(readonly socket: TLSSocket) {
    socket.on('data', chunk => (this.received = Buffer.concat([this.received, chunk])))
    socket.on('close', () => (this.isClosed = true))
  }

  static async open(t: Test, at: Endpoint, options: ConnectionOptions = {}): Promise<Client> {
    const { address: host, port } = at
    const socket = connect({ host, port, rejectUnauthorized: false, ...options })
    t.teardown(() => socket.destroy())
    const client = new Client(socket)
    await once(socket, 'secureConnect')
    return client
  }

  get name(): string {
    return this.socket.getPeerX509Certificate()!.subjectAltName!
  }

  /** RCODE of the reply; undefined: the connection was closed instead. */
  async ask(name = 'banned.example'): Promise<number | undefined> {
    this.socket.write(framedQuery(name))
    const isWhole = (): boolean =>
      this.received.length >= 2 && this.received.length >= 2 + this.received.readUInt16BE()
    await eventually('a reply', () => isWhole() || this.isClosed)
    if (!isWhole()) return undefined
    const end = 2 + this.received.readUInt16BE()
    const rcode = this.received[5]! & 15
    this.received = this.received.subarray(end)
    return rcode
  }
}

const NXDOMAIN = 3

t.test('blocks over TLS as over UDP, logs it, and shows it', async t => {
  const { gateway, site, log } = await serving(t, setting)
  const [, at] = gateway.endpoints
  const client = await Client.open(t, at!, { ALPNProtocols: ['dot'] })
  t.equal(await client.ask(), NXDOMAIN)
  await eventually('the record', () => site.records().length === 1)
  t.match(site.records(), [{ protocol: 'dot', qname: 'banned.example', verdict: 'blocked' }])
  const status = await gateway.status()
  t.match(status, {
    listening: [
      { protocol: 'dns' },
      { ...at, certificates: undefined, recognition: undefined, protocol: 'dot' }
    ],
    queries: { udp: 0, tcp: 0, dot: 1 },
    tls: { handshakes: 1 },
    certificates: [{ name: 'listen one.example', error: null }]
  })
  t.match(log.with('certificate loaded'), [{ fields: { names: ['one.example'] } }])
})

t.test('blocks over HTTPS as over UDP, logs it, and shows it', async t => {
  const https = LISTEN.replace('dot', 'doh, path: /q')
  const { gateway, site } = await serving(t, { ...setting, listen: ['127.0.0.1:0', https] })
  const [, at] = gateway.endpoints
  const client = new DohClient(at!.port).begin()
  t.teardown(() => client.socket.destroy())
  const streams = ['/q', '/dns-query'].map(path => {
    return client.send({ ...POST, ':path': path }, encodeQuery('banned.example'))
  })
  await eventually('responses', () => streams.every(stream => client.isDone(stream)))
  t.strictSame(
    streams.map(stream => client.outcome(stream)),
    ['200', '404']
  )
  t.equal(client.responses.get(streams[0]!)!.body[3]! & 15, NXDOMAIN)
  await eventually('the record', () => site.records().length === 1)
  t.match(site.records(), [{ protocol: 'doh', qname: 'banned.example', verdict: 'blocked' }])
  t.match(await gateway.status(), {
    listening: [{ protocol: 'dns' }, { protocol: 'doh' }],
    queries: { udp: 0, tcp: 0, dot: 0, doh: 1 },
    tls: { handshakes: 1 }
  })
})

t.test('all workers resume the sessions of each other', async t => {
  const { gateway } = await serving(t, setting)
  const at = gateway.endpoints[1]!
  const first = await Client.open(t, at)
  let session: Buffer | undefined
  first.socket.on('session', latest => (session = latest))
  await first.ask()
  await eventually('a ticket', () => session !== undefined)
  // Each from a port of its own, so that both workers get some.
  for (let i = 0; i < 10; i++) {
    const next = await Client.open(t, at, { session: session! })
    t.ok(next.socket.isSessionReused())
  }
})

t.test('a certificate changes under load without a lost query or connection', async t => {
  const { gateway, site } = await serving(t, setting)
  const at = gateway.endpoints[1]!
  const open = await Promise.all(Array.from({ length: 4 }, () => Client.open(t, at)))
  const rcodes = new Set<number | undefined>()
  let isChanged = false
  const ask = async (client: Client): Promise<void> => {
    while (!isChanged) rcodes.add(await client.ask())
    rcodes.add(await client.ask())
  }
  const asked = open.map(ask)
  site.write('new.pem', two!.certificate)
  site.replace('cert.pem', two!.certificate)
  site.write('key.pem', two!.key)
  await eventually('the new certificate', async () => {
    const client = await Client.open(t, at)
    rcodes.add(await client.ask())
    const { name } = client
    client.socket.destroy()
    return name === 'DNS:two.example'
  })
  isChanged = true
  await Promise.all(asked)
  t.strictSame([...rcodes], [NXDOMAIN])
  t.ok(open.every(({ isClosed, name }) => !isClosed && name === 'DNS:one.example'))
})

t.test('an unusable certificate changes nothing, and the health says so', async t => {
  const { gateway, site, log } = await serving(t, setting)
  const at = gateway.endpoints[1]!
  site.write('cert.pem', two!.certificate)
  await log.says('the previous version stays in use')
  await gateway.reload('SIGHUP')
  t.equal(log.with('the previous version stays in use').length, 2)
  t.match((await gateway.status()).certificates, [
    { name: 'listen one.example', error: /does not belong/ }
  ])
  t.equal((await Client.open(t, at)).name, 'DNS:one.example')
})

const wrong = [
  { it: 'without a certificate', files: { 'key.pem': one!.key }, code: 'CERTIFICATE_UNREADABLE' },
  {
    it: 'with the key of another certificate',
    files: { 'cert.pem': two!.certificate, 'key.pem': one!.key },
    code: 'CERTIFICATE_KEY'
  }
]
for (const { it, files, code } of wrong) {
  t.test(`does not start ${it}`, async t => {
    const rules = { 'rules/networks.yaml': banning('banned.example') }
    const rig = new Rig(t, { ...setting, files: { ...rules, ...files } })
    const errors = await rig.gateway.start()
    t.match(errors, [{ code }])
    t.match(errors[0]?.message, /interdict\.yaml:2:\d+: /)
  })
}
