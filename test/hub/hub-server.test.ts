import { connect } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { ServiceLog } from '../../src/base/log/service-log.js'
import { HubServer, type HubRequest } from '../../src/fleet/hub/hub-server.js'

/** The server on a loopback port, as a proxy reaches it, and what it logged and routed. */
async function rig(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-hub-'))
  const logged: unknown[] = []
  const routed: (HubRequest & { method: string })[] = []
  const log = { error: (fields: unknown) => void logged.push(fields) } as unknown as ServiceLog
  const server = new HubServer((method, request) => {
    routed.push({ method, ...request })
    return Promise.resolve({ kind: 'json', value: {} })
  }, log)
  await server.open(join(folder, 'hub.sock'), { address: '127.0.0.1', port: 0 })
  t.teardown(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })
  const { port } = server.endpoint!
  /** Sends octets as they are. @returns the status line */
  const raw = async (text: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.end(text)
    let received = ''
    socket.on('data', chunk => (received += chunk.toString()))
    await once(socket, 'close')
    return received.split('\r\n')[0]!
  }
  return { logged, routed, raw, port }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`

t.test('a malformed path is an error of the client', async t => {
  const { raw, logged, routed } = await rig(t)
  for (const path of ['/v1/gateways/%zz', '/%', '//', '/v1/%c3%28']) {
    t.match(await raw(get(path)), /^HTTP\/1.1 400/, path)
  }
  t.strictSame([logged, routed], [[], []])
})

t.test('only reports and enrolment may be posted', async t => {
  const { raw, routed } = await rig(t)
  const post = (path: string, method = 'POST'): string =>
    `${method} ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`
  const refused = ['/v1/tokens', '/v1/rings/canary/promote', '/v1/gateways/a/revoke', '/v1/bundles']
  const disguised = [
    '/v1/%74okens',
    '/v1/reports/../tokens',
    '/v1/reports%2f..%2ftokens',
    '/v1/alert-tests'
  ]
  for (const path of [...refused, ...disguised]) t.match(await raw(post(path)), /405/, path)
  for (const method of ['PUT', 'DELETE', 'PATCH'])
    t.match(await raw(post('/v1/reports', method)), /405/)
  t.strictSame(routed, [])
  for (const path of ['/v1/reports', '/v1/enrol']) t.match(await raw(post(path)), /200/)
  t.equal(routed.length, 2)
})

t.test('a body is bounded, and a client that leaves is not logged', async t => {
  const { raw, logged, routed, port } = await rig(t)
  const size = 65 * 1024
  const head = `POST /v1/reports HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`
  t.match(await raw(head + 'x'.repeat(size)), /400/)
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`${head}half`)
  t.match(await raw(get('/livez')), /200/)
  socket.destroy()
  await once(socket, 'close')
  t.match(await raw(get('/livez')), /200/)
  t.strictSame([logged, routed.length], [[], 2])
})
