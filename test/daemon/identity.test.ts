import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { DohClient, getOf } from '../server/doh-client.js'
import { makeCertificate, makeCrl } from '../tls/certificates.js'
import { encodeQuery, framedQuery } from './dns-client.js'
import { serving, type Setting } from './serve.js'
import { eventually } from './site.js'

const server = makeCertificate({ names: ['dns.example', '*.dns.example'] })
const authority = makeCertificate({ subject: 'MDM', names: [] })
const leaf = (uri: string) =>
  makeCertificate({ subject: uri, names: [], uris: [uri], isAuthority: false, issuer: authority })
const phone = leaf('urn:phone:17')
const press = leaf('urn:press:1')
const other = makeCertificate({ subject: 'nobody', names: [], isAuthority: false })
const asClient = ({ certificate: cert, key }: typeof phone): ConnectionOptions => ({ cert, key })

const LISTEN =
  '{ address: 127.0.0.1:0, protocol: dot, certificate: cert.pem, key: key.pem, name: dns.example'
const ban = (name: string): string => `[{ authority: Nobody, reference: none, names: [${name}] }]`
const rules = (clients: readonly string[], crl = ''): string => `client-authorities:
  mdm: { certificate: mdm.pem${crl} }
networks:
  lan: { prefixes: [127.0.0.0/8], bans: ${ban('lan.example')} }
  phones: { extends: lan, bans: ${ban('phones.example')} }
  open: { bans: ${ban('open.example')} }
clients:
${clients.map(client => `  ${client}\n`).join('')}`
const PHONES = "phones: { network: phones, certificate: { authority: mdm, uri: 'urn:phone:*' } }"
const PRESS = "press: { network: open, certificate: { authority: mdm, uri: 'urn:press:1' } }"
const KIOSK = 'kiosk: { network: phones, sni: kiosk-3 }'

const setting = (clients: readonly string[], listen = '', own = server): Setting => ({
  listen: [`${LISTEN}${listen} }`],
  queries: 'flush: 10ms, which: all',
  workers: 1,
  files: {
    'rules/networks.yaml': rules(clients),
    'rules/mdm.pem': authority.certificate,
    'cert.pem': own.certificate,
    'key.pem': own.key
  }
})

class Client {
  private received = Buffer.alloc(0)
  isClosed = false

  private constructor(readonly socket: TLSSocket) {
    socket.on('data', chunk => (this.received = Buffer.concat([this.received, chunk])))
    socket.on('close', () => (this.isClosed = true))
    socket.on('error', () => undefined)
  }

  static async open(t: Test, at: Endpoint, options: ConnectionOptions = {}): Promise<Client> {
    const { address: host, port } = at
    const socket = connect({ host, port, rejectUnauthorized: false, ...options })
    t.teardown(() => socket.destroy())
    const client = new Client(socket)
    await once(socket, 'secureConnect')
    return client
  }

  /** Whether a name is blocked; undefined: the connection was closed. */
  async isBlocked(name: string): Promise<boolean | undefined> {
    this.socket.write(framedQuery(name))
    const isWhole = (): boolean =>
      this.received.length >= 2 && this.received.length >= 2 + this.received.readUInt16BE()
    await eventually('a reply', () => isWhole() || this.isClosed)
    if (!isWhole()) return undefined
    const rcode = this.received[5]! & 15
    this.received = this.received.subarray(2 + this.received.readUInt16BE())
    return rcode === 3
  }
}

t.test(
  'a certificate or a server name puts a client into a network, and the log names it',
  async t => {
    const { gateway, site, log } = await serving(t, setting([PHONES, PRESS, KIOSK]))
    const [at] = gateway.endpoints
    const cases: [ConnectionOptions, boolean][] = [
      [asClient(phone), true],
      [{ servername: 'kiosk-3.dns.example' }, true],
      [{ servername: 'dns.example' }, false],
      [{ servername: 'kiosk-4.dns.example' }, false],
      [asClient(press), false],
      [asClient(other), false],
      [{}, false]
    ]
    for (const [options, isBlocked] of cases) {
      const client = await Client.open(t, at!, options)
      t.equal(await client.isBlocked('phones.example'), isBlocked)
      // Nobody gets rid of the bans of the network of the address.
      t.equal(await client.isBlocked('lan.example'), true)
    }
    await eventually('records', () => site.records().length === 2 * cases.length)
    t.strictSame(
      [...new Set(site.records().map(({ addressNetwork }) => addressNetwork))],
      ['lan', undefined]
    )
    t.strictSame(
      site.records().map(({ device, network }) => `${String(device)} ${String(network)}`),
      [
        'phones/17 phones',
        'kiosk phones',
        'undefined lan',
        'undefined lan',
        'press open',
        'undefined lan',
        'undefined lan'
      ].flatMap(it => [it, it])
    )
    t.match(await gateway.status(), {
      identities: {
        known: 3,
        unknown: 2,
        revoked: 0,
        missing: 2,
        refused: 0,
        cut: 0
      },
      clients: { phones: 1, kiosk: 1, press: 1 }
    })
    t.equal(log.with('unknown client by certificate').length, 1)
  }
)

t.test('a client is under the bans of its own network in one with other bans', async t => {
  const { gateway, site } = await serving(t, setting([PRESS]))
  const client = await Client.open(t, gateway.endpoints[0]!, asClient(press))
  t.equal(await client.isBlocked('open.example'), true, 'its own network')
  t.equal(await client.isBlocked('lan.example'), true, 'the network of its address')
  t.equal(await client.isBlocked('phones.example'), false)
  await eventually('records', () => site.records().length === 3)
  t.strictSame(
    site.records().map(({ network, addressNetwork, ban }) => [network, addressNetwork, ban]),
    [
      ['open', 'lan', 'open/open.example'],
      ['open', 'lan', 'lan/lan.example'],
      ['open', 'lan', undefined]
    ]
  )
})

t.test('a revoked, deleted or moved client', async t => {
  const { gateway, site } = await serving(t, setting([PHONES, KIOSK]))
  const [at] = gateway.endpoints
  const [one, two, kiosk] = [
    await Client.open(t, at!, asClient(phone)),
    await Client.open(t, at!, asClient(leaf('urn:phone:18'))),
    await Client.open(t, at!, { servername: 'kiosk-3.dns.example' })
  ]
  for (const client of [one, two, kiosk]) t.equal(await client.isBlocked('phones.example'), true)
  site.write('rules/mdm.crl', makeCrl(authority, [phone]))
  site.replace('rules/networks.yaml', rules([PHONES, KIOSK], ', crl: mdm.crl'))
  await eventually('the revoked one is closed', () => one.isClosed)
  t.equal(await two.isBlocked('phones.example'), true)
  site.replace('rules/networks.yaml', rules([PHONES.replace('network: phones', 'network: lan')]))
  await eventually('the deleted one is closed', () => kiosk.isClosed)
  t.equal(await two.isBlocked('phones.example'), false)
})

t.test('refuses unknown clients where the settings say so', async t => {
  const refusing = ', unknown-clients: refuse, anonymous-clients: refuse'
  const plain = makeCertificate({ names: ['dns.example'] })
  const { gateway, log } = await serving(t, setting([PHONES], refusing, plain))
  t.match(log.with('is not for *.dns.example'), [{ fields: { code: 'CERTIFICATE_WILDCARD' } }])
  const [at] = gateway.endpoints
  t.equal(await (await Client.open(t, at!, asClient(phone))).isBlocked('lan.example'), true)
  t.equal(await (await Client.open(t, at!, asClient(other))).isBlocked('lan.example'), undefined)
  t.equal(await (await Client.open(t, at!)).isBlocked('lan.example'), undefined)
  t.match(await gateway.status(), { identities: { known: 1, unknown: 1, missing: 1, refused: 2 } })
})

const TOKEN = 'a'.repeat(43)
const HASH = createHash('sha256').update(TOKEN).digest('hex')

/** Asks over HTTPS. @returns whether the name is blocked, or the status if it is not 200 */
async function over(client: DohClient, name: string, token = ''): Promise<boolean | number> {
  const get = getOf(Buffer.from(encodeQuery(name)))
  const path = get[':path']!.replace('/dns-query', `/dns-query${token === '' ? '' : `/${token}`}`)
  const stream = client.send({ ...get, ':path': path })
  await eventually('a response', () => client.isDone(stream))
  const { fields, body } = client.responses.get(stream)!
  const status = Number(fields[':status'])
  return status === 200 ? (body[3]! & 15) === 3 : status
}

t.test('a token in the path of DNS over HTTPS, for each request', async t => {
  const tablet = `tablet: { network: phones, token: 'sha256:${HASH}' }`
  const { gateway, site } = await serving(t, {
    ...setting([tablet, KIOSK]),
    listen: [`${LISTEN.replace('dot', 'doh')} }`]
  })
  const [at] = gateway.endpoints
  const open = (options: ConnectionOptions = {}): DohClient => {
    const client = new DohClient(at!.port, options).begin()
    t.teardown(() => client.socket.destroy())
    return client
  }
  const [client, kiosk] = [open(), open({ servername: 'kiosk-3.dns.example' })]
  const other = 'b'.repeat(43)
  t.equal(await over(client, 'phones.example'), false)
  t.equal(await over(client, 'phones.example', TOKEN), true)
  t.equal(await over(client, 'phones.example', other), false, 'an unknown token')
  t.equal(await over(client, 'phones.example', TOKEN), true)
  t.equal(await over(client, 'phones.example', 'short'), 404)
  t.equal(await over(kiosk, 'phones.example'), true, 'without a token: by the server name')
  await eventually('records', () => site.records().length === 5)
  t.strictSame(
    site.records().map(({ device }) => device),
    [undefined, 'tablet', undefined, 'tablet', 'kiosk']
  )
  site.replace('rules/networks.yaml', rules([KIOSK]))
  await eventually('the one with the deleted token is closed', () => client.ended || client.closed)
  t.equal(await over(kiosk, 'phones.example'), true)
})

t.test('refuses requests without a known token', async t => {
  const tablet = `tablet: { network: phones, token: 'sha256:${HASH}' }`
  const refusing = ', unknown-clients: refuse, anonymous-clients: refuse'
  const { gateway } = await serving(t, {
    ...setting([tablet]),
    listen: [`${LISTEN.replace('dot', 'doh')}${refusing} }`]
  })
  const client = new DohClient(gateway.endpoints[0]!.port).begin()
  t.teardown(() => client.socket.destroy())
  t.equal(await over(client, 'phones.example', TOKEN), true)
  t.equal(await over(client, 'phones.example'), 403)
  t.equal(await over(client, 'phones.example', 'b'.repeat(43)), 403)
  t.equal(await over(client, 'phones.example', 'b'.repeat(43)), 403)
  t.equal(await over(client, 'phones.example', TOKEN), true)
})

/** Answers over HTTPS, with certificate and server name as given. */
function doh(t: Test, { port }: Endpoint, options: ConnectionOptions = {}): DohClient {
  const client = new DohClient(port, options).begin()
  t.teardown(() => client.socket.destroy())
  return client
}

t.test('certificates are requested by DNS over TLS, and by listeners that say so', async t => {
  const listen = (more: string): string =>
    `{ address: 127.0.0.1:0, certificate: cert.pem, key: key.pem, protocol: ${more} }`
  const { gateway } = await serving(t, {
    ...setting([PHONES]),
    listen: [
      listen('dot'),
      listen('dot, client-certificates: off'),
      listen('doh'),
      listen('doh, client-certificates: ask')
    ]
  })
  const [dot, dotOff, dohAt, dohAsk] = gateway.endpoints
  const phones = 'phones.example'
  t.equal(await (await Client.open(t, dot!, asClient(phone))).isBlocked(phones), true)
  t.equal(await (await Client.open(t, dotOff!, asClient(phone))).isBlocked(phones), false)
  t.equal(await over(doh(t, dohAt!, asClient(phone)), phones), false)
  t.equal(await over(doh(t, dohAsk!, asClient(phone)), phones), true)
})

for (const transport of ['batch', 'portable'] as const) {
  t.test(`certificates are requested by server name, on one port: ${transport}`, async t => {
    const both = (first: string, second: string): string =>
      `{ address: 127.0.0.1:0, protocol: doh, certificates: [${first}, ${second}] }`
    const files = 'certificate: cert.pem, key: key.pem'
    const browsers = `{ ${files} }`
    const devices = `{ ${files}, names: [devices.dns.example], client-certificates: ask }`
    const { gateway } = await serving(t, {
      ...setting([PHONES]),
      transport,
      listen: [both(browsers, devices), both(devices, browsers)]
    })
    for (const [i, at] of gateway.endpoints.entries()) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const isBlocked = async (servername?: string): Promise<boolean | number> => {
          const named = servername === undefined ? {} : { servername }
          return over(doh(t, at, { ...asClient(phone), ...named, maxVersion }), 'phones.example')
        }
        t.equal(await isBlocked('devices.dns.example'), true, `${maxVersion}, devices`)
        t.equal(await isBlocked('dns.example'), false, `${maxVersion}, browsers`)
        t.equal(await isBlocked(), i === 1, `${maxVersion}, no name: the first`)
      }
    }
  })
}

t.test('warns of a listener to which no client of the rules can identify itself', async t => {
  const listen = '{ address: 127.0.0.1:0, protocol: doh, certificate: cert.pem, key: key.pem'
  const { log, site } = await serving(t, {
    ...setting([PHONES]),
    listen: [`${listen}, anonymous-clients: refuse }`]
  })
  t.match(log.with('refuses every client'), [{ fields: { code: 'LISTEN_REFUSES_ALL' } }])
  t.match(log.with('clients.phones'), [{ fields: { code: 'CLIENT_CERTIFICATES_OFF' } }])
  const tablet = `tablet: { network: phones, token: 'sha256:${HASH}' }`
  site.replace('rules/networks.yaml', rules([tablet]))
  await log.says('rules reloaded')
  t.equal(log.with('refuses every client').length, 1, 'a token is a way in')
})
