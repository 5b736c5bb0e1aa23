import { existsSync, lstatSync } from 'node:fs'
import t, { type Test } from 'tap'
import { askUdp } from '../daemon/dns-client.js'
import { banning, Site } from '../daemon/site.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { interdict, type Ran } from './run.js'
import { listenAddress, startServer } from './server-process.js'

/** Queries are counted, so no retransmissions and no loop checks. */
const settings = (port: number, socket: string) => `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: ['127.0.0.1:${port}'], use-resolv-conf: false, timeout: 4s, loop-check: 0s, idle-probe: 0s }
admin: { socket: '${socket}' }
log: { queries: { which: none } }
`

async function open(t: Test, socket = 'admin.sock') {
  const upstream = await BadUpstream.open(good(1))
  t.teardown(() => upstream.close())
  const site = new Site(t, {
    'interdict.yaml': settings(upstream.endpoint.port, socket),
    'rules/networks.yaml': banning('banned.example')
  })
  const flush = (...words: string[]): Promise<Ran> =>
    interdict('flush', ...words, '--timeout', '60000', '-c', site.path('interdict.yaml'))
  return { site, upstream, flush }
}

const flushed = (text: string): Ran => ({ code: 0, out: `${text} flushed\n`, err: '' })

t.test('flushes a name, a subtree and the whole cache of a running gateway', async t => {
  const { site, upstream, flush } = await open(t)
  const server = startServer(t, site)
  const at = await listenAddress(server)
  t.equal(lstatSync(site.path('admin.sock')).mode & 0o777, 0o600)
  const names = ['example', 'www.example', 'a.www.example', 'other.example']
  const ask = async (): Promise<number> => {
    const before = upstream.seen.length
    // Banned names are not cached, and are answered as usual.
    t.match(await askUdp(at, 'banned.example'), { rcode: 'NXDOMAIN' })
    for (const name of names) t.match(await askUdp(at, name), { rcode: 'NOERROR' })
    return upstream.seen.length - before
  }
  t.equal(await ask(), 4)
  t.equal(await ask(), 0, 'all are cached')
  t.strictSame(await flush('WWW.example.'), flushed('1 entry'))
  t.equal(await ask(), 1)
  t.strictSame(await flush('--subtree', 'www.example'), flushed('2 entries'))
  t.equal(await ask(), 2)
  t.strictSame(await flush('www.example', '-s'), flushed('2 entries'))
  t.strictSame(await flush('--all'), flushed('2 entries'))
  t.strictSame(JSON.parse((await flush('--all', '--json')).out), {
    ...{ name: '.', subtree: true, flushed: 0, silent: [] }
  })
  t.equal(await ask(), 4)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
  t.notOk(existsSync(site.path('admin.sock')), 'the socket is removed at the end')
  t.match(server.log(), /"name":"www\.example","subtree":true,"dropped":2/)
})

t.test('after a kill, the next start replaces the stale socket', async t => {
  const { site, flush } = await open(t)
  const first = startServer(t, site)
  await listenAddress(first)
  first.child.kill('SIGKILL')
  await first.ended
  t.ok(existsSync(site.path('admin.sock')))
  t.match(await flush('--all'), {
    code: 1,
    out: '',
    err: /no process listens.*\(ADMIN_ABSENT\)\n$/
  })
  const second = startServer(t, site)
  await listenAddress(second)
  t.strictSame(await flush('--all'), flushed('0 entries'))
})

t.test('a socket in use: exit code 1, and one line with the position of the setting', async t => {
  const { site } = await open(t)
  await listenAddress(startServer(t, site))
  const other = await open(t, site.path('admin.sock'))
  const second = startServer(t, other.site)
  t.equal(await second.ended, 1)
  t.match(
    second.log(),
    /^\S+interdict\.yaml:5:18: .*another process listens on it.*\(ADMIN_SOCKET\)\n$/
  )
})

t.test('one line of error without a running gateway or without an admin socket', async t => {
  const { flush } = await open(t)
  t.match(await flush('--all'), {
    code: 1,
    out: '',
    err: /^cannot connect to the gateway.*\(ADMIN_ABSENT\)\n$/
  })
  const closed = await open(t, '')
  t.match(await closed.flush('a'), {
    code: 1,
    out: '',
    err: /^admin socket is disabled.*\(ADMIN_OFF\)\n$/
  })
})
