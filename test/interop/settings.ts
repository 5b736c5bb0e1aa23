/** Settings that change while dnsperf loads the gateway: nothing is lost, neither queries nor records. */
import { execFile } from 'node:child_process'
import { renameSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { listenAddress, startServer } from '../cli/server-process.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { install } from '../../tools/install.js'

const run = promisify(execFile)

t.setTimeout(120_000)

const SECONDS = 8
const NAMES = 2_000

t.test('dnsperf, settings changed meanwhile, nothing lost', async t => {
  install('dnsperf')
  const upstreams = [await BadUpstream.open(good(1)), await BadUpstream.open(good(2))]
  for (const one of upstreams) t.teardown(() => one.close())
  const settings = (round: number): string => `
listen: ['127.0.0.1:0']
workers: 2
upstreams:
  servers: ['127.0.0.1:${upstreams[round % 2]!.endpoint.port}']
  use-resolv-conf: false
  loop-check: 0s
  idle-probe: 0s
  cookies: ${round % 3 !== 0}
cache: { max-ttl: 1s, stale-max: ${round % 2}s, prefetch: ${round % 2 === 0} }
identity: { name: round-${round} }
limits: { queries-per-second: ${round % 2 === 0 ? 0 : 1_000_000} }
rebinding-guard: { enabled: ${round % 4 === 1}, addresses: [10.0.0.0/8] }
log: { queries: { which: all, file: log/queries-${round % 2}.jsonl, flush: 10ms, archive: false } }
`
  const names = Array.from({ length: NAMES }, (_, i) => `q${i}.example A\n`)
  const site = new Site(t, {
    'interdict.yaml': settings(0),
    'rules/networks.yaml': banning('banned.example'),
    queries: names.join('')
  })
  const server = startServer(t, site)
  const { port } = await listenAddress(server)
  const where = ['-s', '127.0.0.1', '-p', String(port), '-d', site.path('queries')]
  const state = { isDone: false }
  const load = run('dnsperf', [...where, '-l', String(SECONDS), '-Q', '2000', '-t', '10'])
  void load.finally(() => (state.isDone = true))
  let round = 0
  while (!state.isDone) {
    site.write('new.yaml', settings(++round))
    renameSync(site.path('new.yaml'), site.path('interdict.yaml'))
    if (round % 3 === 0) server.child.kill('SIGHUP')
    await sleep(150)
  }
  const { stdout } = await load
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1])
  const sent = number(/Queries sent:\s+(\d+)/)
  const reloads = server.log().split('settings reloaded').length - 1
  t.comment(`${sent} queries, ${reloads} of ${round} changes seen one by one`)
  t.equal(number(/Queries lost:\s+(\d+)/), 0)
  t.ok(reloads > 1)
  for (const { seen } of upstreams) t.ok(seen.length > 0, `${seen.length} queries`)
  t.notMatch(server.log(), /"level":"error"|SERVFAIL|worker died/)
  await eventually('the last settings', () => server.log().includes(`"settings reloaded"`))
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
  const records = [0, 1].flatMap(file => site.records(`log/queries-${file}.jsonl`))
  t.equal(records.length, sent, 'all lookups are logged')
  t.ok(records.every(({ rcode }) => rcode === 'NOERROR'))
})
