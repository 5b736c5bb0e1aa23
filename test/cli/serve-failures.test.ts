import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { askTcp, askUdp } from '../daemon/dns-client.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { freePort } from '../udp/free-port.js'
import { BadUpstream, silent } from '../upstream/bad-upstream.js'
import { listenAddress, startServer } from './server-process.js'

const settings = ({ port = 0, servers = '', queries = 'queries.jsonl', service = '-' } = {}) => `
listen: ['127.0.0.1:${port}']
workers: 1
upstreams: { servers: [${servers}], use-resolv-conf: false }
log: { queries: { file: ${queries}, flush: 10ms }, service: { file: '${service}' } }
shutdown: { grace: 1m }
`
const RULES = { 'rules/networks.yaml': banning('banned.example') }
const files = (text = settings()) => ({ 'interdict.yaml': text, ...RULES })
const BANNED = { rcode: 'NXDOMAIN', ede: 15 }

t.test('a second signal stops it at once, with exit code 1', async t => {
  const upstream = await BadUpstream.open(silent)
  t.teardown(() => upstream.close())
  const servers = `'127.0.0.1:${upstream.endpoint.port}'`
  const server = startServer(t, new Site(t, files(settings({ servers }))))
  const at = await listenAddress(server)
  const lost = t.rejects(askUdp(at, 'slow.example', { patience: 500 }))
  await upstream.sees(1)
  server.child.kill('SIGTERM')
  await server.says(/stopping/)
  server.child.kill('SIGINT')
  t.equal(await server.ended, 1)
  await lost
})

t.test('a thousand SIGHUPs: it keeps serving, and reloads new rules; SIGTERM stops it', async t => {
  const site = new Site(t, files())
  const server = startServer(t, site)
  const at = await listenAddress(server)
  for (let i = 0; i < 1000; i++) {
    server.child.kill('SIGHUP')
    if (i % 100 === 0) t.match(await askUdp(at, 'banned.example'), BANNED)
  }
  site.write('rules/networks.yaml', banning('other.example'))
  server.child.kill('SIGHUP')
  await server.says(/"generation":2.*"rules reloaded"/)
  t.match(await askUdp(at, 'other.example'), BANNED)
  await eventually('the record of it', () => site.records().length > 0)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
  t.match(server.log(), /"signal":"SIGTERM"/)
  t.notMatch(server.log(), /"level":"error"/)
})

t.test('a port in use: one line of error, exit code 1; SIGINT stops the first with 0', async t => {
  const first = startServer(t, new Site(t, files()))
  const at = await listenAddress(first)
  const second = startServer(t, new Site(t, files(settings({ port: at.port }))))
  t.equal(await second.ended, 1)
  t.match(second.log(), /^cannot listen on 127\.0\.0\.1:\d+: .*\(SOCKET_BIND\)\n$/)
  t.match(await askUdp(at, 'banned.example'), BANNED, 'the first keeps serving')
  first.child.kill('SIGINT')
  t.equal(await first.ended, 0)
  t.match(first.log(), /"signal":"SIGINT"/)
})

t.test('its log folder is deleted: a new one is made, and no later lookup is missing', async t => {
  const site = new Site(t, files(settings({ queries: 'log/queries.jsonl' })))
  const server = startServer(t, site)
  const at = await listenAddress(server)
  const records = (): number =>
    site.has('log/queries.jsonl') ? site.read('log/queries.jsonl').split('\n').length - 1 : 0
  await askUdp(at, 'banned.example')
  await eventually('a record', () => records() === 1)
  rmSync(join(site.folder, 'log'), { recursive: true })
  for (let i = 0; i < 5; i++) await askUdp(at, 'banned.example')
  await eventually('all records in the new file', () => records() === 5)
  await server.says(/LOG_DELETED/)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})

t.test('its working folder is deleted and restored', async t => {
  const site = new Site(t, files())
  const server = startServer(t, site)
  const at = await listenAddress(server)
  await askUdp(at, 'banned.example')
  // The gateway may write to it meanwhile.
  rmSync(site.folder, { recursive: true, maxRetries: 5 })
  await server.says(/reload failed/)
  t.match(await askUdp(at, 'banned.example'), BANNED, 'the rules remain in force')
  // Idle threads end after 5 s; a thread started now has no working folder.
  await new Promise(resolve => setTimeout(resolve, 6000))
  for (const [name, text] of Object.entries(files())) site.write(name, text)
  site.write('rules/networks.yaml', banning('other.example'))
  await server.says(/"generation":2.*"rules reloaded"/)
  t.match(await askUdp(at, 'other.example'), BANNED)
  server.child.kill('SIGHUP')
  await server.says(/unchanged/)
  await askUdp(at, 'other.example')
  await eventually('a record in the new folder', () => site.records().length > 0)
})

t.test('serves without standard streams, with a log file', async t => {
  const site = new Site(t, files(settings({ service: 'service.jsonl' })))
  const server = startServer(t, site, { shell: 'exec PROGRAM <&- >&- 2>&-' })
  const log = (): string => (site.has('service.jsonl') ? site.read('service.jsonl') : '')
  await eventually('it serves', () => log().includes('try: dig'))
  const at = { address: '127.0.0.1', port: Number(/ -p (\d+)/.exec(log())![1]) }
  t.match(await askUdp(at, 'banned.example'), BANNED)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
  t.match(log(), /"stopped"/)
})

const onLinux = { skip: process.platform === 'linux' ? false : 'there is no /dev/full' }

t.test('serves with both logs on a full disk, and reports it', onLinux, async t => {
  const site = new Site(t, files(settings({ queries: '/dev/full', service: '/dev/full' })))
  const server = startServer(t, site)
  const at = await listenAddress(server)
  t.match(await askUdp(at, 'banned.example'), BANNED)
  await server.says(/LOG_WRITE/)
  t.match(await askTcp(at, 'banned.example'), BANNED)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})

t.test('of two processes started on one port at once, one serves', async t => {
  const port = await freePort()
  const sites = [1, 2].map(() => new Site(t, files(settings({ port }))))
  const servers = sites.map(site => startServer(t, site))
  await eventually('one has ended', () => servers.some(({ code }) => code() !== undefined))
  const [lost, kept] = servers.sort((a, b) => (b.code() ?? -1) - (a.code() ?? -1))
  t.equal(lost!.code(), 1)
  t.match(lost!.log(), /SOCKET_BIND/)
  t.match(await askUdp(await listenAddress(kept!), 'banned.example'), BANNED)
})
