import { copyFileSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as connectTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { HttpServer, type HttpServerOptions } from '../../../src/admin/server/http-server.js'
import type { Probes } from '../../../src/admin/metrics/probes.js'
import type { Endpoint } from '../../../src/wire/sockets/datagram.js'
import { MemoryLog } from '../serve.js'
import { eventually } from '../site.js'

const probes = {
  page: async (path: string) => ({ code: 200, type: 'text/plain', body: path })
} as unknown as Probes
const ANY: Endpoint = { address: '127.0.0.1', port: 0 }

interface Listening {
  readonly at: Endpoint
  readonly log: MemoryLog
}

async function listening(t: Test, options: Partial<HttpServerOptions> = {}): Promise<Listening> {
  const log = new MemoryLog()
  const server = new HttpServer({ probes, tls: undefined, loadApi: undefined, log, ...options })
  t.teardown(() => server.close())
  return { at: await server.listen(ANY), log }
}

interface Reply {
  readonly response: IncomingMessage
  readonly body: string
}

function get({ at }: Listening, path: string, isTls = false): Promise<Reply> {
  const options = { host: at.address, port: at.port, path, agent: false, rejectUnauthorized: false }
  return new Promise((resolve, reject) => {
    const request = (isTls ? httpsRequest : httpRequest)(options, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => (body += part))
      response.on('end', () => resolve({ response, body }))
    })
    request.on('error', reject).end()
  })
}

/** Sends a text, and returns all that comes until the connection is closed. */
function exchange({ at }: Listening, text: string, localAddress = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = ''
    const where = { host: at.address, port: at.port, localAddress }
    const socket = connectTcp(where, () => socket.write(text))
    socket.setEncoding('latin1').on('data', (part: string) => (reply += part))
    socket.on('error', reject).on('close', () => resolve(reply))
  })
}

t.test('the API is loaded when it is called', async t => {
  let loads = 0
  const api: RequestListener = (request, response) => response.end(`api ${request.url}`)
  const loadApi = async (): Promise<RequestListener> => {
    if (++loads === 1) throw new Error('no such module')
    return api
  }
  const server = await listening(t, { loadApi })
  t.match(await get(server, '/livez?x=/api'), { body: '/livez', response: { statusCode: 200 } })
  t.equal(loads, 0)
  t.match(await get(server, '/api/v1/x'), { response: { statusCode: 500 } })
  t.match(server.log.with('cannot be loaded'), [{ level: 'error' }])
  t.equal((await get(server, '/api/v1/x')).body, 'api /api/v1/x', 'tried again')
  t.equal((await get(server, '/other')).body, 'api /other')
  t.equal(loads, 2, 'once')

  const off = await get(await listening(t), '/api/v1/status')
  t.match(off.response, { statusCode: 404, headers: { 'content-type': /problem/ } })
  t.match(JSON.parse(off.body), { code: 'API_NOT_FOUND' })
})

t.test('requests that are none', async t => {
  const server = await listening(t)
  t.match(await exchange(server, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 .*"code":"API_REQUEST"/s)
  const long = `GET /livez HTTP/1.1\r\nhost: x\r\ncookie: ${'x'.repeat(20_000)}\r\n\r\n`
  t.match(await exchange(server, long), /^HTTP\/1\.1 431 .*"code":"API_TOO_LARGE"/s)
})

t.test('one address leaves connections for others', async t => {
  const server = await listening(t)
  const sockets: Socket[] = []
  let closed = 0
  const open = (): void => {
    const { address: host, port } = server.at
    const socket = connectTcp({ host, port, localAddress: '127.0.0.2' })
    socket.on('error', () => undefined).on('close', () => closed++)
    sockets.push(socket)
  }
  for (let i = 0; i < 130; i++) open()
  await eventually('two are closed', () => closed === 2)
  t.equal((await get(server, '/livez')).response.statusCode, 200, 'another address')
  for (const socket of sockets) socket.destroy()
  await eventually('all are closed', () => closed === 130)
  await eventually('the address may connect again', async () => {
    const text = 'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
    return (await exchange(server, text, '127.0.0.2').catch(() => '')).includes('200 OK')
  })
})

const fixture = (file: string): string => `test/fixtures/tls/${file}`

/** The name in the certificate of the server. */
function subject({ at }: Listening): Promise<string> {
  return new Promise((resolve, reject) => {
    const { address: host, port } = at
    const socket: TLSSocket = connectTls({ host, port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

t.test('TLS, with a certificate that is replaced', async t => {
  const folder = t.testdir()
  const position = { file: 'interdict.yaml', line: 1, column: 1 }
  const tls = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), position }
  const install = (name: string): void => {
    copyFileSync(fixture(`${name}.key`), tls.key)
    copyFileSync(fixture(`${name}.pem`), tls.certificate)
  }
  await t.rejects(listening(t, { tls }), { code: 'CERTIFICATE_UNREADABLE' }, 'no files')
  install('first')
  const server = await listening(t, { tls })
  t.equal(await subject(server), 'first.example')
  const { response } = await get(server, '/livez', true)
  t.match(response.headers, { 'strict-transport-security': /max-age=\d+/ })
  await t.rejects(
    new Promise((resolve, reject) => {
      const { address: host, port } = server.at
      const ciphers = 'DEFAULT@SECLEVEL=0'
      const versions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' } as const
      const socket = connectTls({ host, port, rejectUnauthorized: false, ciphers, ...versions })
      socket.on('secureConnect', () => resolve(socket.getProtocol())).on('error', reject)
    }),
    'TLS 1.1'
  )

  writeFileSync(tls.key, 'x')
  await server.log.says('certificate not reloaded')
  t.equal(await subject(server), 'first.example', 'the previous one')
  install('second')
  await eventually('the new one', async () => (await subject(server)) === 'second.example')

  copyFileSync(fixture('first.key'), tls.key)
  await t.rejects(listening(t, { tls }), { code: 'CERTIFICATE_KEY' }, 'a key of another')
})
