import { readdirSync } from 'node:fs'
import t from 'tap'
import { askUdp } from '../daemon/dns-client.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { interdict } from './run.js'
import { listenAddress, startServer } from './server-process.js'

t.test('closes the file of the running gateway, unless it is empty', async t => {
  const site = new Site(t, {
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
log: { queries: { file: log/queries.jsonl, flush: 10ms, archive: false } }
`,
    'rules/networks.yaml': banning('banned.example')
  })
  const rotate = (...words: string[]) =>
    interdict('log', 'rotate', ...words, '-c', site.path('interdict.yaml'))
  t.match(await rotate(), { code: 1, err: /ADMIN_ABSENT/ })
  const server = startServer(t, site)
  const at = await listenAddress(server)
  t.match(await rotate(), { code: 0, out: 'The query log file is empty; not closed\n' })
  await askUdp(at, 'banned.example')
  await eventually('a record', () => site.records('log/queries.jsonl').length === 1)
  t.strictSame(JSON.parse((await rotate('--json')).out), { rotated: true })
  const closed = readdirSync(site.path('log')).filter(name => /^queries-\d+T.*\.jsonl$/.test(name))
  t.equal(closed.length, 1)
  t.equal(site.records(`log/${closed[0]!}`).length, 1)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})
