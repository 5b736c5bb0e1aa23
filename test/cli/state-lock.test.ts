import { readFileSync } from 'node:fs'
import t from 'tap'
import { banning, eventually, Site } from '../daemon/site.js'
import { interdict } from './run.js'
import { listenAddress, startServer } from './server-process.js'

const site = (state: string): Readonly<Record<string, string>> => ({
  'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
state: { folder: '${state}' }
log: { queries: { flush: 10ms } }
`,
  'rules/networks.yaml': banning('banned.example')
})

t.test('a second process on the state folder ends, until the first one is killed', async t => {
  const one = new Site(t, {})
  for (const [name, text] of Object.entries(site(one.path('state')))) one.write(name, text)
  const two = new Site(t, site(one.path('state')))
  const first = startServer(t, one)
  await listenAddress(first)

  const second = startServer(t, two)
  t.equal(await second.ended, 1)
  t.match(
    second.log(),
    /^another gateway uses the state folder .*: process \d+ .*\(STATE_LOCKED\)\n$/
  )

  first.child.kill('SIGKILL')
  await first.ended
  const third = startServer(t, two)
  await listenAddress(third)
  third.child.kill('SIGTERM')
  t.equal(await third.ended, 0)
})

/** True also for a zombie: the successor is not a child of this process, so it may remain one. */
function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return true
  }
}

const onLinux = { skip: process.platform === 'linux' ? false : 'there is no hand-over' }

t.test('an upgrade hands the state folder over', onLinux, async t => {
  const folder = new Site(t, {})
  for (const [name, text] of Object.entries(site(folder.path('state')))) folder.write(name, text)
  const first = startServer(t, folder)
  await listenAddress(first)
  t.match(await interdict('upgrade', '-c', folder.path('interdict.yaml')), { code: 0 })
  await first.says(/"replaced"/)
  t.equal(await first.ended, 0)
  await eventually('the successor has the locks', () => folder.has('state/interdict.lock'))
  t.notMatch(first.log(), /LOCKED/, 'the successor writes to the same stream')
  const { out } = await interdict('status', '--json', '-c', folder.path('interdict.yaml'))
  const second = startServer(t, new Site(t, site(folder.path('state'))))
  t.equal(await second.ended, 1)
  t.match(second.log(), /STATE_LOCKED/)
  t.match(JSON.parse(out), { workers: [{ state: 'listening' }] })
  const pid = Number(/process (\d+)/.exec(second.log())?.[1])
  t.not(pid, first.child.pid)
  process.kill(pid, 'SIGTERM')
  await eventually('it has ended', () => hasEnded(pid))
})
