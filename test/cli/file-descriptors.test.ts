import { readdirSync, renameSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { askTcp, askUdp } from '../daemon/dns-client.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { listenAddress, startServer } from './server-process.js'

const MOST = 64
const SETTINGS = `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
log: { queries: { file: queries.jsonl, flush: 10ms } }
`
const FILES = { 'interdict.yaml': SETTINGS, 'rules/networks.yaml': banning('banned.example') }
const BANNED = { rcode: 'NXDOMAIN', ede: 15 }
const onLinux = { skip: process.platform === 'linux' ? false : 'there is no /proc' }

/** Takes every free file descriptor of the server, until released. */
function takeAll(t: Test, port: number): () => void {
  const held = new Set<Socket>()
  const timer = setInterval(() => {
    const socket = connect(port, '127.0.0.1')
    held.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => held.delete(socket))
  }, 2)
  const release = (): void => {
    clearInterval(timer)
    for (const socket of held) socket.destroy()
  }
  t.teardown(release)
  return release
}

t.test('out of descriptors', onLinux, async t => {
  const site = new Site(t, FILES)
  const server = startServer(t, site, { shell: `ulimit -n ${MOST} && exec PROGRAM` })
  const at = await listenAddress(server)
  t.match(await askUdp(at, 'banned.example'), BANNED)
  await eventually('a record', () => site.records().length > 0)
  const release = takeAll(t, at.port)
  const open = (): number => readdirSync(`/proc/${server.child.pid}/fd`).length
  const overTcp = (name: string): Promise<boolean> =>
    askTcp(at, name).then(
      ({ rcode }) => rcode === 'NXDOMAIN',
      () => false
    )
  await eventually('none is left', () => open() >= MOST)
  t.match(await askUdp(at, 'banned.example'), BANNED, 'UDP is served')
  await eventually('a new connection is closed', async () => !(await overTcp('banned.example')))

  site.write('rules/networks.yaml', banning('other.example'))
  await server.says(/reload failed/)
  t.match(await askUdp(at, 'banned.example'), BANNED, 'rules that cannot be read change nothing')
  t.match(await askUdp(at, 'other.example'), { rcode: 'SERVFAIL' })
  await eventually('the query log cannot be opened again', () => {
    if (site.has('queries.jsonl')) renameSync(site.path('queries.jsonl'), site.path('old.jsonl'))
    server.child.kill('SIGHUP')
    return server.log().includes('LOG_OPEN')
  })

  release()
  await server.says(/"generation":2.*"rules reloaded"/)
  t.match(await askUdp(at, 'other.example'), BANNED, 'they are read though no file has changed')
  await eventually('TCP', () => overTcp('other.example'))
  await eventually('records in a new file', async () => {
    await askUdp(at, 'other.example')
    return site.records().length > 0
  })
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})
