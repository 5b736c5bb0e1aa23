import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import {
  connect,
  createServer,
  type ConnectionOptions,
  type Server,
  type TLSSocket
} from 'node:tls'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadCertificate, type Certificate } from '../../src/wire/tls/certificate.js'
import type { TlsMaterial } from '../../src/wire/tls/certificate-contexts.js'
import { ServerContexts } from '../../src/wire/tls/server-contexts.js'
import { Site } from '../daemon/site.js'
import { makeCertificate } from './certificates.js'

const KEY = new Uint8Array(48).fill(1)

async function certificateOf(t: Test, ...names: readonly string[]): Promise<Certificate> {
  const { certificate: cert, key } = makeCertificate({ names })
  const path = join(new Site(t, { 'both.pem': cert + key }).folder, 'both.pem')
  const position = { file: 'f', line: 1, column: 1 }
  const { certificate } = await loadCertificate(
    { certificate: path, key: path, position },
    Date.now()
  )
  return certificate!
}

async function serve(t: Test, material: TlsMaterial): Promise<[ServerContexts, Server]> {
  const contexts = new ServerContexts(material)
  const server = createServer(contexts.options, socket => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return [contexts, server]
}

async function open(t: Test, server: Server, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

const nameOf = (socket: TLSSocket): string => socket.getPeerX509Certificate()!.subjectAltName!

async function echo(socket: TLSSocket, text: string): Promise<string> {
  const answered = once(socket, 'data') as Promise<[Buffer]>
  socket.write(text)
  return (await answered)[0].toString()
}

t.test('chooses a certificate by server name', async t => {
  const one = await certificateOf(t, 'one.example')
  const two = await certificateOf(t, 'two.example', '*.two.example')
  const again = await certificateOf(t, 'again.example', 'two.example')
  const [contexts, server] = await serve(t, { certificates: [one, two, again], ticketKey: KEY })
  const chosen = async (servername?: string): Promise<string> =>
    nameOf(await open(t, server, servername === undefined ? {} : { servername }))
  t.equal(await chosen(), 'DNS:one.example')
  t.equal(await chosen('one.example'), 'DNS:one.example')
  t.equal(await chosen('other.example'), 'DNS:one.example')
  t.match(await chosen('TWO.example'), /two/)
  t.match(await chosen('a.two.example'), /two/)
  t.equal(await chosen('a.b.two.example'), 'DNS:one.example')
  t.match(await chosen('again.example'), /again/)
  contexts.replace({ certificates: [two, one], ticketKey: KEY })
  server.setSecureContext(contexts.options)
  t.match(await chosen(), /two/)
  t.equal(await chosen('one.example'), 'DNS:one.example')
})

t.test('a new certificate is for new connections; open ones go on', async t => {
  const [one, two] = [await certificateOf(t, 'one.example'), await certificateOf(t, 'two.example')]
  const [contexts, server] = await serve(t, { certificates: [one], ticketKey: KEY })
  const before = await open(t, server)
  t.equal(await echo(before, 'a'), 'a')
  contexts.replace({ certificates: [two], ticketKey: KEY })
  server.setSecureContext(contexts.options)
  const after = await open(t, server)
  t.strictSame([nameOf(before), nameOf(after)], ['DNS:one.example', 'DNS:two.example'])
  t.strictSame(await Promise.all([echo(before, 'b'), echo(after, 'c')]), ['b', 'c'])
})

t.test('servers with the same ticket key resume each other’s sessions', async t => {
  const certificate = await certificateOf(t, 'one.example')
  const other = await certificateOf(t, 'one.example')
  const [, first] = await serve(t, { certificates: [certificate], ticketKey: KEY })
  const [contexts, second] = await serve(t, { certificates: [other], ticketKey: KEY })
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const before = await open(t, first, { maxVersion })
    let session: Buffer | undefined = before.getSession()
    before.on('session', (latest: Buffer) => (session = latest))
    await echo(before, 'a')
    t.notOk(before.isSessionReused())
    t.equal(before.getProtocol(), maxVersion)
    t.ok((await open(t, second, { maxVersion, session: session! })).isSessionReused(), maxVersion)
    const ticketKey = new Uint8Array(48).fill(maxVersion === 'TLSv1.2' ? 1 : 2)
    contexts.replace({ certificates: [other], ticketKey })
    second.setSecureContext(contexts.options)
    const late = await open(t, second, { maxVersion, session: session! })
    t.equal(late.isSessionReused(), maxVersion === 'TLSv1.2', 'only under the same key')
  }
})

t.test('refuses TLS 1.1 and ciphers without forward secrecy', async t => {
  const [, server] = await serve(t, {
    certificates: [await certificateOf(t, 'one.example')],
    ticketKey: KEY
  })
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await t.rejects(open(t, server, old))
  await t.rejects(open(t, server, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }))
  const modern = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' } as const
  t.match((await open(t, server, modern)).getCipher(), { name: modern.ciphers })
})
