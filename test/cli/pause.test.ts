import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { askUdp } from '../daemon/dns-client.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { onTerminal, type Ran } from './run.js'
import { listenAddress, startServer } from './server-process.js'

const SETTINGS = `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
admin: { socket: admin.sock, max-pause: 30m, http: '127.0.0.1:0', tokens: tokens.json }
state: { folder: state }
log: { queries: { file: queries.jsonl, flush: 10ms } }
`

t.test('a pause needs a reason, and shows in the health until somebody ends it', async t => {
  const site = new Site(t, {
    'interdict.yaml': SETTINGS,
    'rules/networks.yaml': `${banning('banned.example')}    block: [{ id: ads, names: [ads.example] }]\n`
  })
  const run = (...words: string[]): Promise<Ran> =>
    onTerminal(100, ...words, '-c', site.path('interdict.yaml'))
  const server = startServer(t, site)
  const at = await listenAddress(server)
  t.equal((await askUdp(at, 'ads.example')).rcode, 'NXDOMAIN')

  t.match(await run('pause', 'ads'), { code: 2, err: /give --reason/ })
  const why = ['--reason', 'payments page broken', '--by', 'alice']
  t.match(await run('pause', 'ads', '--minutes', '31', ...why), {
    code: 1,
    err: /at most 30 minutes \(admin\.max-pause\).*\(PAUSE_LONG\)/s
  })
  t.match(await run('pause', 'test-ban', ...why), { code: 1, err: /PAUSE_NOT_BLOCK/ })
  t.match(await run('pause', 'ads', '--minutes', '30', ...why), {
    code: 0,
    out: /^ads is paused until 20\S+Z\n$/
  })
  t.not((await askUdp(at, 'ads.example')).rcode, 'NXDOMAIN')
  const health = await run('status', '--health')
  t.match(health, {
    code: 1,
    out: /^policy: warning\n {2}ads is paused until \S+ by alice: payments page broken \(BLOCK_PAUSED\)$/m
  })

  t.match(await run('pause', 'ads', '--end', '--json'), { code: 0, out: /"until": ?null/ })
  t.equal((await askUdp(at, 'ads.example')).rcode, 'NXDOMAIN')
  t.notMatch((await run('status', '--health')).out, /BLOCK_PAUSED/)

  // What `GET /changes` returns.
  const changes = (): string[] =>
    existsSync(site.path('state/changes.jsonl'))
      ? readFileSync(site.path('state/changes.jsonl'), 'utf8').trim().split('\n')
      : []
  await eventually('both are in the log of changes', () => changes().length === 2)
  const subject = '/api/v1/rules/ads/pause'
  t.match(
    changes().map(line => JSON.parse(line) as object),
    [
      { by: 'alice', operation: 'pauseRule', subject, reason: 'payments page broken', code: null },
      { operation: 'resumeRule', subject, code: null }
    ]
  )
})
