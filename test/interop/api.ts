/** The HTTP API: its document against a linter, and its listener against abuse while DNS is served. */
import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { newToken, writeTokens } from '../../src/admin/tokens/token-file.js'
import { listenAddress, startServer } from '../cli/server-process.js'
import { askUdp } from '../daemon/dns-client.js'
import { banning, Site } from '../daemon/site.js'
import { install } from '../../tools/install.js'
import { folder, freePort } from './processes.js'

const run = promisify(execFile)
// To install the linter takes its time.
t.setTimeout(300_000)

t.test('spectral accepts the OpenAPI document', async t => {
  const place = folder(t)
  const packages = ['install', '--prefix', place, '--no-audit', '--no-fund', '--ignore-scripts']
  await run('npm', [...packages, '@stoplight/spectral-cli@6'], { cwd: place })
  const lint = join(place, 'node_modules/.bin/spectral')
  const rules = resolve('test/interop/spectral.yaml')
  const document = resolve('docs/reference/openapi.json')
  const { stdout } = await run(lint, ['lint', '-r', rules, '--fail-severity', 'hint', document])
  t.match(stdout, /No results with a severity of 'hint' or higher found!/)
  await t.rejects(
    run(lint, ['lint', '-r', rules, '--fail-severity', 'hint', resolve('package.json')]),
    'the linter finds something elsewhere'
  )
})

/** Sends octets, then nothing more. @returns all that comes until the connection is closed */
function exchange(port: number, text: string, localAddress = '127.0.0.1'): Promise<string> {
  return new Promise(done => {
    let reply = ''
    const where = { host: '127.0.0.1', port, localAddress }
    const socket = connect(where, () => socket.write(text))
    socket.setEncoding('latin1').on('data', (part: string) => (reply += part))
    socket.on('error', () => undefined).on('close', () => done(reply))
  })
}

interface Load {
  readonly lost: number
  readonly completed: number
  /** In seconds. */
  readonly mean: number
  readonly max: number
}

t.test('abuse of the HTTP API costs DNS nothing', async t => {
  install('dnsperf')
  const admin = await freePort()
  const site = new Site(t, {
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [192.0.2.1], use-resolv-conf: false, loop-check: 0s, idle-probe: 0s }
admin: { http: '127.0.0.1:${admin}', socket: off }
log: { queries: { file: queries.jsonl, which: none } }
`,
    'rules/networks.yaml': banning('banned.example'),
    queries: 'banned.example A\nwww.banned.example AAAA\nlocalhost A\n'
  })
  const { token, stored } = newToken('t', ['read'], new Date(), new Date(Date.now() + 1e6))
  writeTokens(site.path('state/tokens.json'), [stored])
  const server = startServer(t, site)
  const { port } = await listenAddress(server)

  const load = async (seconds: number): Promise<Load> => {
    const where = ['-s', '127.0.0.1', '-p', String(port), '-d', site.path('queries')]
    const { stdout } = await run('dnsperf', [...where, '-l', String(seconds), '-Q', '2000'])
    const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1])
    return {
      lost: number(/Queries lost:\s+(\d+)/),
      completed: number(/Queries completed:\s+(\d+)/),
      mean: number(/Average Latency \(s\):\s+([\d.]+)/),
      max: number(/Average Latency \(s\):.*max ([\d.]+)/)
    }
  }
  const ms = (seconds: number): string => `${(seconds * 1000).toFixed(2)} ms`
  const show = ({ completed, lost, mean, max }: Load): string =>
    `${completed} answered, ${lost} lost, latency ${ms(mean)}, longest ${ms(max)}`

  const quiet = await load(5)
  t.comment(`before: ${show(quiet)}`)
  const loaded = load(12)
  const path = '/api/v1/status'
  const head = (method: string, more = ''): string =>
    `${method} ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`

  const slow = Array.from({ length: 20 }, () =>
    exchange(admin, `GET ${path} HTTP/1.1\r\nhost: x\r\n`)
  )
  const bodies = [
    exchange(admin, head('POST', 'content-length: 9999999999\r\n')),
    exchange(admin, `${head('POST', 'transfer-encoding: chunked\r\n')}ffffff\r\n${'x'.repeat(1e6)}`)
  ]
  for (const reply of await Promise.all(bodies)) t.match(reply, /^HTTP\/1\.1 (405|413|429) /)
  const clients = Array.from({ length: 1_000 }, () => exchange(admin, head('GET')))
  const replies = await Promise.all(clients)
  t.ok(replies.every(reply => reply === '' || /^HTTP\/1\.1 (401|429) /.test(reply)))
  t.ok(replies.filter(reply => reply !== '').length > 0, 'some were served')
  for (const reply of await Promise.all(slow)) t.match(reply, /^HTTP\/1\.1 408 /)

  // From another address, since this one has used up its share.
  for (const url of [
    '/api/v1/../../etc/passwd',
    '/api/v1/networks/..%2f..%2fetc',
    '/%00',
    '/api/v1/%zz'
  ]) {
    const authorization = `authorization: Bearer ${token}\r\nconnection: close\r\n`
    const reply = await exchange(admin, `GET ${url} HTTP/1.1\r\nhost: x\r\n${authorization}\r\n`)
    t.match(reply, /^HTTP\/1\.1 (400|404|429) [^]*application\/problem\+json/, url)
    t.notMatch(reply, 'root:', url)
  }
  for (let i = 0; i < 20; i++) {
    const wrong = `authorization: Bearer interdict_${String(i).padStart(43, 'A')}\r\n`
    await exchange(admin, head('GET', `${wrong}connection: close\r\n`))
  }
  t.match(await exchange(admin, head('GET', 'connection: close\r\n')), /API_LOCKED/)
  await server.says(/address locked out/)
  t.match(
    await exchange(admin, 'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1\.1 200/
  )

  const during = await loaded
  t.comment(`during: ${show(during)}`)
  t.equal(quiet.lost + during.lost, 0, 'no query is lost')
  t.ok(during.completed > 0)
  t.notMatch(server.log(), /HTTP thread died|HTTP request failed|"level":"error"/)
  const valid = head('GET', `authorization: Bearer ${token}\r\nconnection: close\r\n`)
  t.match(await exchange(admin, valid, '127.0.0.2'), /^HTTP\/1\.1 200 /, 'another address')
})

t.test('questions to the query log of a running gateway', async t => {
  const admin = await freePort()
  const site = new Site(t, {
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [192.0.2.1], use-resolv-conf: false, loop-check: 0s, idle-probe: 0s }
admin: { http: '127.0.0.1:${admin}', socket: off }
log: { queries: { file: queries.jsonl, flush: 10ms } }
`,
    'rules/networks.yaml': banning('banned.example')
  })
  const { token, stored } = newToken('t', ['read'], new Date(), new Date(Date.now() + 1e6))
  writeTokens(site.path('state/tokens.json'), [stored])
  const at = await listenAddress(startServer(t, site))
  t.match(await askUdp(at, 'www.banned.example'), { rcode: 'NXDOMAIN' })
  const get = async (path: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`http://127.0.0.1:${admin}/api/v1${path}`, { headers })
    return { status: response.status, body: await response.json() }
  }
  t.match(await get('/lookups?name=banned.example&verdict=blocked'), {
    status: 200,
    body: { offset: 0, more: false, items: [{ qname: 'www.banned.example', ban: 'test-ban' }] }
  })
  t.match(await get('/reports/overview?by=ban'), {
    status: 200,
    body: { tables: { ban: [{ ban: 'test-ban', lookups: 1 }] } }
  })
  t.match(await get('/reports/ban?id=none'), { status: 422, body: { code: 'REPORT_NO_ID' } })
})
