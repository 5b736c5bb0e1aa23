import { rmSync } from 'node:fs'
import t from 'tap'
import { askTcp, askUdp } from '../daemon/asker.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { BadUpstream, silent } from '../upstream/bad-upstream.js'
import { address, serve } from './serving.js'

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

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal}: it ends, with exit code 0`, async t => {
    const server = serve(t, new Site(t, files()))
    const at = await address(server)
    t.match(await askUdp(at, 'banned.example'), BANNED)
    server.child.kill(signal)
    t.equal(await server.ended, 0)
    t.match(server.log(), new RegExp(`"signal":"${signal}"`))
  })
}

t.test('a second signal does not wait: it ends at once, with exit code 1', async t => {
  const upstream = await BadUpstream.open(silent)
  t.teardown(() => upstream.close())
  const servers = `'127.0.0.1:${upstream.endpoint.port}'`
  const server = serve(t, new Site(t, files(settings({ servers }))))
  const at = await address(server)
  const lost = t.rejects(askUdp(at, 'slow.example', { patience: 5_000 }))
  await upstream.sees(1)
  server.child.kill('SIGTERM')
  await server.says(/stopping/)
  server.child.kill('SIGINT')
  t.equal(await server.ended, 1)
  await lost
})

t.test('a thousand SIGHUPs: it serves all the while, and reads what is new', async t => {
  const site = new Site(t, files())
  const server = serve(t, site)
  const at = await address(server)
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
  t.notMatch(server.log(), /"level":"error"/)
})

t.test('a port that is in use: one line that says so, and exit code 1', async t => {
  const first = serve(t, new Site(t, files()))
  const at = await address(first)
  const second = serve(t, new Site(t, files(settings({ port: at.port }))))
  t.equal(await second.ended, 1)
  t.match(second.log(), /^cannot listen on 127\.0\.0\.1:\d+: .*\(SOCKET_BIND\)\n$/)
  t.match(await askUdp(at, 'banned.example'), BANNED, 'the first goes on')
})

t.test('the folder that it lives in is deleted, and comes back', async t => {
  const site = new Site(t, files())
  const server = serve(t, site)
  const at = await address(server)
  await askUdp(at, 'banned.example')
  rmSync(site.folder, { recursive: true })
  await server.says(/reload failed/)
  t.match(await askUdp(at, 'banned.example'), BANNED, 'the rules stay in force')
  // Threads that had nothing to do are ended after 5 s: one that is started now has no folder.
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

t.test('neither input, output nor errors: it serves, and its log is in a file', async t => {
  const site = new Site(t, files(settings({ service: 'service.jsonl' })))
  const server = serve(t, site, 'exec PROGRAM <&- >&- 2>&-')
  const log = (): string => (site.has('service.jsonl') ? site.read('service.jsonl') : '')
  await eventually('it serves', () => log().includes('try: dig'))
  const at = { address: '127.0.0.1', port: Number(/ -p (\d+)/.exec(log())![1]) }
  t.match(await askUdp(at, 'banned.example'), BANNED)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
  t.match(log(), /"stopped"/)
})

const onLinux = { skip: process.platform === 'linux' ? false : 'there is no /dev/full' }

t.test('both logs on a full disk: it serves, and says so', onLinux, async t => {
  const site = new Site(t, files(settings({ queries: '/dev/full', service: '/dev/full' })))
  const server = serve(t, site)
  const at = await address(server)
  t.match(await askUdp(at, 'banned.example'), BANNED)
  await server.says(/LOG_WRITE/)
  t.match(await askTcp(at, 'banned.example'), BANNED)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})

t.test('two processes start on one port at the same instant: one serves', async t => {
  const sites = [1, 2].map(() => new Site(t, files(settings({ port: 25_353 }))))
  const servers = sites.map(site => serve(t, site))
  await eventually('one has ended', () => servers.some(({ code }) => code() !== undefined))
  const [lost, kept] = servers.sort((a, b) => (b.code() ?? -1) - (a.code() ?? -1))
  t.equal(lost!.code(), 1)
  t.match(lost!.log(), /SOCKET_BIND/)
  t.match(await askUdp(await address(kept!), 'banned.example'), BANNED)
})
