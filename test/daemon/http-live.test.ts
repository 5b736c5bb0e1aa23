import { writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { newToken, writeTokens } from '../../src/admin/tokens/token-file.js'
import { makeCertificate } from '../tls/certificates.js'
import { freePort } from '../udp/free-port.js'
import { serving, settingsText, type Rig } from './serve.js'
import { eventually } from './site.js'

/** Settings whose section `admin` has these parts. */
const setting = (...parts: readonly string[]) => ({
  more: `admin: { ${parts.join(', ')} }`,
  reloads: true
})
const NO_SOCKET = "socket: 'off'"
const listening = (port: number): string => `http: '127.0.0.1:${port}'`

/** @returns the errors of the reload */
async function apply({ site, gateway }: Rig, ...parts: readonly string[]): Promise<string[]> {
  site.write('interdict.yaml', settingsText(setting(NO_SOCKET, ...parts)))
  await gateway.reload('settings changed')
  const { settings } = await gateway.status()
  t.strictSame(settings!.restart, [], 'nothing waits for a restart')
  return settings!.reload!.first.map(({ message }) => message)
}

/** Undefined: nothing answers. */
const statusOf = (port: number, path = '/livez', token = ''): Promise<number | undefined> =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } }).then(
    async response => {
      await response.arrayBuffer()
      return response.status
    },
    () => undefined
  )

/** A gateway without HTTP, and a token of its API to be. */
async function start(t: Test) {
  const rig = await serving(t, setting(NO_SOCKET))
  const now = new Date()
  const { token, stored } = newToken('all', ['read', 'policy'], now, new Date(Number(now) + 1e6))
  writeTokens(rig.site.path('state/tokens.json'), [stored])
  return { rig, token }
}

t.test('the API and the dashboard begin, move and end without a restart', async t => {
  const { rig, token } = await start(t)
  const [one, other] = [await freePort(), await freePort()]
  t.strictSame(await apply(rig, listening(one)), [])
  t.equal(await statusOf(one), 200)
  t.equal(await statusOf(one, '/'), 200, 'the dashboard')
  t.equal(await statusOf(one, '/api/v1/networks', token), 200, 'it has the rules')
  t.equal(await statusOf(one, '/api/v1/networks', 'x'), 401)

  t.strictSame(await apply(rig, listening(other), 'dashboard: false'), [])
  t.equal(await statusOf(one), undefined, 'the earlier address is closed')
  t.equal(await statusOf(other, '/api/v1/networks', token), 200)
  t.equal(await statusOf(other, '/'), 404, 'without a dashboard')
  t.equal(rig.gateway.httpEndpoint?.port, other)

  t.strictSame(await apply(rig, listening(other), "tokens: 'off'"), [], 'on the same address')
  t.equal(await statusOf(other), 200)
  t.equal(await statusOf(other, '/api/v1/networks', token), 404, 'without an API')

  t.strictSame(await apply(rig), [])
  t.equal(await statusOf(other), undefined)
  t.equal(rig.gateway.httpEndpoint, undefined)
})

t.test('a certificate is used from then on', async t => {
  const { rig } = await start(t)
  const port = await freePort()
  t.strictSame(await apply(rig, listening(port)), [])
  const { certificate, key } = makeCertificate({ names: ['dns.example'] })
  rig.site.write('cert.pem', certificate)
  writeFileSync(rig.site.path('key.pem'), key, { mode: 0o600 })
  const tls = 'tls: { certificate: cert.pem, key: key.pem }'
  t.strictSame(await apply(rig, listening(port), tls), [])
  const status = await new Promise((resolve, reject) => {
    const options = { port, path: '/livez', ca: certificate, servername: 'dns.example' }
    const request = httpsRequest({ host: '127.0.0.1', ...options }, response => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('error', reject).end()
  })
  t.equal(status, 200)
  t.equal(await statusOf(port), undefined, 'no longer without TLS')
})

t.test('with an address that is taken, everything stays as it is', async t => {
  const { rig, token } = await start(t)
  const port = await freePort()
  t.strictSame(await apply(rig, listening(port)), [])
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  t.teardown(() => taken.close())
  const { port: occupied } = taken.address() as { readonly port: number }
  t.match(await apply(rig, listening(occupied), 'dashboard: false'), [/EADDRINUSE|in use/])
  t.equal(await statusOf(port, '/'), 200, 'with the dashboard')
  t.equal(await statusOf(port, '/api/v1/networks', token), 200)
  t.equal(rig.gateway.httpEndpoint?.port, port)
  await rig.threads.kill('http')
  await rig.log.says('HTTP thread died')
  await eventually('it is restarted', async () => (await statusOf(port)) === 200)
  t.equal(await statusOf(port, '/'), 200, 'as before')
})

t.test('with an error elsewhere in the file, everything stays as it is', async t => {
  const { rig, token } = await start(t)
  const [port, other] = [await freePort(), await freePort()]
  t.strictSame(await apply(rig, listening(port)), [])
  // No socket can be there.
  const wrong = "socket: 'rules/networks.yaml/admin.sock'"
  for (const [where, more] of [
    [port, 'dashboard: false'],
    [other, 'dashboard: true']
  ] as const) {
    const parts = [listening(where), more, wrong]
    rig.site.write('interdict.yaml', settingsText(setting(...parts)))
    await rig.gateway.reload('settings changed')
    t.match((await rig.gateway.status()).settings!.reload, { outcome: 'refused' })
    await eventually('as before', async () => (await statusOf(port, '/')) === 200)
    t.equal(await statusOf(port, '/api/v1/networks', token), 200)
    await eventually('not elsewhere', async () => (await statusOf(other)) === undefined)
    t.equal(rig.gateway.httpEndpoint?.port, port)
  }
  t.strictSame(await apply(rig, listening(port), 'dashboard: false'), [])
  t.equal(await statusOf(port, '/'), 404)
})

t.test('what else the API reads of the section is as in the file', async t => {
  const { rig, token } = await start(t)
  const port = await freePort()
  const longest = async (): Promise<unknown> => {
    const url = `http://127.0.0.1:${port}/api/v1/blocks`
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    return ((await response.json()) as Record<string, unknown>).maxPauseMinutes
  }
  t.strictSame(await apply(rig, listening(port)), [])
  t.equal(await longest(), 60)
  t.strictSame(await apply(rig, listening(port), 'max-pause: 20m'), [])
  await eventually('in force', async () => (await longest()) === 20)
})
