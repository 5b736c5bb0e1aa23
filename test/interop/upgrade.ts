/** What happens to a running gateway while its package is replaced. */
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { listenAddress, startServer } from '../cli/server-process.js'
import { askUdp } from '../daemon/dns-client.js'
import { eventually, Site } from '../daemon/site.js'
import { CERTIFICATE, ListServer, upstream } from '../sources/http/rig.js'
import { copyPackage } from './package-copy.js'
import { freePort } from './processes.js'

t.setTimeout(300_000)

/**
 * Preloaded into all threads: the first thread to remove the file `kill-KIND` dies by an uncaught error.
 */
const KILLABLE = `
const { isMainThread, workerData: data } = require('node:worker_threads')
const kind = isMainThread || !data ? '' : data.descriptors ? 'worker' : data.rings ? 'recorder' :
  data.endpoint ? 'http' : ''
if (kind !== '') setInterval(() => {
  try { require('node:fs').rmSync(__dirname + '/kill-' + kind) } catch { return }
  throw new Error('killed by the test: ' + kind)
}, 20).unref()
`

const networks = (names: string, lists = ''): string => `networks:
  all:
    prefixes: [127.0.0.0/8]
    block: [${names}]
${lists}`

const rcodeOf = async (at: { address: string; port: number }, name: string): Promise<string> =>
  (await askUdp(at, name)).rcode

for (const kind of ['deleted', 'replaced by another version'] as const) {
  t.test(`everything works in a gateway whose package was ${kind}`, async t => {
    const http = await freePort()
    const lists = await ListServer.open(t)
    lists.on('/ads.txt', 'listed.example\n')
    const site = new Site(t, {
      'kill.cjs': KILLABLE,
      'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 2
transport: batch
upstreams: { servers: ['127.0.0.1:${(await upstream(t)).endpoint.port}'] }
remote-lists: { ca-file: '${resolve(CERTIFICATE)}' }
admin: { http: '127.0.0.1:${http}' }
log: { queries: { file: log/queries.jsonl, flush: 10ms } }
`,
      'rules/networks.yaml': networks('first.example')
    })
    const program = copyPackage(site.path('package'))
    const server = startServer(t, site, {
      program,
      env: { NODE_OPTIONS: `--require ${site.path('kill.cjs')}` }
    })
    const at = await listenAddress(server)
    t.equal(await rcodeOf(at, 'first.example'), 'NXDOMAIN')

    rmSync(site.path('package'), { recursive: true })
    if (kind !== 'deleted') replacePackage(site.path('package'))

    await worksOn(t, site, server, at, lists, http)
    server.child.kill('SIGTERM')
    t.equal(await server.ended, 0)
    t.notMatch(server.log(), /Cannot find module|ENOENT|LIST_THREAD|portable/)
  })
}

/** With one that no thread of the running gateway may load. */
function replacePackage(folder: string): void {
  copyPackage(folder)
  for (const part of ['dist/bundle/serve', 'node_modules/koffi']) {
    for (const file of readdirSync(join(folder, part)).filter(name => /\.c?js$/.test(name)))
      writeFileSync(join(folder, part, file), 'throw new Error("of another version")')
  }
}

async function worksOn(
  t: Test,
  site: Site,
  server: ReturnType<typeof startServer>,
  at: { address: string; port: number },
  lists: ListServer,
  http: number
): Promise<void> {
  // The compiler ends after five seconds without work.
  site.write('rules/networks.yaml', networks('second.example'))
  await eventually('a reload', async () => (await rcodeOf(at, 'second.example')) === 'NXDOMAIN')

  const list = `lists:\n  ads: { url: '${lists.url('/ads.txt')}' }\n`
  site.write('rules/networks.yaml', networks('second.example, { lists: [ads] }', list))
  await eventually('a list', async () => (await rcodeOf(at, 'listed.example')) === 'NXDOMAIN')

  for (let worker = 1; worker <= 2; worker++) {
    site.write('kill-worker', '')
    await eventually(
      'a restart',
      () => server.log().split('worker restarted and listening').length > worker
    )
  }
  t.equal(await rcodeOf(at, 'listed.example'), 'NXDOMAIN')

  site.write('kill-http', '')
  await server.says(/HTTP thread died/)
  await eventually('metrics', () =>
    fetch(`http://127.0.0.1:${http}/metrics`).then(
      ({ ok }) => ok,
      () => false
    )
  )

  site.write('kill-recorder', '')
  await server.says(/recorder died/)
  await eventually('a record of what follows', async () => {
    await rcodeOf(at, 'third.second.example')
    return site.read('log/queries.jsonl').includes('third.second.example')
  })

  const closed = 'queries-20260101T000000.000Z'
  renameSync(site.path('log/queries.jsonl'), site.path(`log/${closed}.jsonl`))
  server.child.kill('SIGHUP')
  await eventually('a Parquet file', () =>
    site.has('log/archive')
      ? readdirSync(site.path('log/archive'), { recursive: true }).some(file =>
          String(file).endsWith(`${closed}.parquet`)
        )
      : false
  )
  t.pass('reload, list, workers, HTTP, recorder and archive')
}
