import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import t, { type Test } from 'tap'
import { askMany, askUdp } from '../daemon/asker.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { interdict } from './run.js'
import { address, serve } from './serving.js'

const NETWORKS = 'rules/networks.yaml'
const settings = ({ queries = 'queries.jsonl', service = '-' } = {}) => `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
log: { queries: { file: ${queries}, flush: 10ms }, service: { file: '${service}' } }
`
const files = (text: string) => ({
  'interdict.yaml': text,
  [NETWORKS]: banning('banned.example')
})
const BANNED = { rcode: 'NXDOMAIN', ede: 15 }
const onLinux = { skip: process.platform === 'linux' ? false : 'this is not Linux' }

/** A long name that is banned, and how many records of it are more than a pipe holds (64 KiB). */
const LONG = `${`${'x'.repeat(60)}.`.repeat(3)}banned.example`
const MANY = 250

/** A pipe that somebody holds open and never reads: whether it is full. */
function pipeOf(t: Test, site: Site): () => boolean {
  execFileSync('mkfifo', [site.path('pipe')])
  const pipe = openSync(site.path('pipe'), constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(pipe))
  return () => {
    try {
      return writeSync(pipe, '\n') === 0
    } catch {
      return true
    }
  }
}

for (const { it, signals } of [
  { it: 'after a while', signals: ['SIGTERM'] },
  { it: 'at the second signal', signals: ['SIGTERM', 'SIGINT'] }
] as const) {
  t.test(`a query log that takes nothing: it serves, and ends ${it}`, onLinux, async t => {
    const site = new Site(t, files(settings({ queries: 'pipe' })))
    const isFull = pipeOf(t, site)
    const server = serve(t, site)
    const at = await address(server)
    await askMany(at, LONG, MANY)
    await eventually('the pipe is full', isFull)
    t.match(await askUdp(at, 'banned.example'), BANNED)
    for (const signal of signals) {
      server.child.kill(signal)
      await server.says(/stopping/)
    }
    t.equal(await server.ended, null, 'as the kernel ends it')
    if (signals.length === 1) t.match(server.log(), /query log is blocked/)
  })
}

t.test('who reads its standard error goes away: it serves, reloads and ends', async t => {
  const site = new Site(t, files(settings()))
  const server = serve(t, site)
  const at = await address(server)
  server.child.stderr.destroy()
  for (const name of ['one.example', 'two.example', 'three.example']) {
    site.write(NETWORKS, banning(name))
    server.child.kill('SIGHUP')
    while ((await askUdp(at, name)).rcode !== 'NXDOMAIN');
  }
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})

t.test('nobody reads its standard error: it serves, reloads and ends', onLinux, async t => {
  const site = new Site(t, files(settings()))
  const server = serve(t, site)
  const at = await address(server)
  server.child.stderr.pause()
  // More errors than a pipe holds, and then all of them again.
  site.write(NETWORKS, banning(...Array.from({ length: 5000 }, (_, i) => `'wrong ${i}'`)))
  for (let i = 0; i < 10; i++) {
    server.child.kill('SIGHUP')
    t.match(await askUdp(at, 'banned.example'), BANNED)
  }
  site.write(NETWORKS, banning('other.example'))
  while ((await askUdp(at, 'other.example')).rcode !== 'NXDOMAIN');
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})

for (const { it, service, why } of [
  { it: 'a pipe that nobody reads', service: 'pipe', why: /ENXIO/ },
  { it: 'a place where no folder can be made', service: '/proc/no/such/log', why: /ENOENT/ },
  { it: 'a folder', service: 'rules', why: /EISDIR/ }
]) {
  t.test(`a service log in ${it}: one clear line, and exit code 1`, onLinux, async t => {
    const site = new Site(t, files(settings({ service })))
    execFileSync('mkfifo', [site.path('pipe')])
    const { code, out, err } = await interdict('serve', '-c', site.path('interdict.yaml'))
    t.strictSame([code, out], [1, ''])
    t.match(err, /^[^\n]+\(CLI_SERVICE_LOG\)\n$/)
    t.match(err, why)
  })
}
