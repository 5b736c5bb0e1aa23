import { execFileSync } from 'node:child_process'
import { rmSync, symlinkSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { CompilerHandle } from '../../src/gateway/compiler/compiler-handle.js'
import { STUCK_AFTER } from '../../src/gateway/reload/reload-queue.js'
import { RulesReloader } from '../../src/gateway/reload/rules-reloader.js'
import { askUdp } from './dns-client.js'
import { MemoryLog, serving, settingsText, Threads } from './serve.js'
import { banning, eventually, Site } from './site.js'

const SECRETS = 'cookies: { secret-file: secrets }'
const SECRET = '0123456789abcdef0123456789abcdef\n'

for (const kind of ['pipe', 'device'] as const) {
  t.test(`a pipe or a device instead of rules or secrets is not waited for: ${kind}`, async t => {
    const files = { 'rules/networks.yaml': banning('banned.example'), secrets: SECRET }
    const { gateway, at, site, log } = await serving(t, { more: SECRETS, files })
    const put = (name: string): void => {
      const path = site.path(name)
      rmSync(path, { force: true })
      if (kind === 'pipe') execFileSync('mkfifo', [path])
      else symlinkSync('/dev/zero', path)
    }
    put('secrets')
    put('rules/apps.yaml')
    for (const name of ['networks.yaml', 'evidence.yaml', 'apps/pipe.yaml']) {
      site.write(`rules/${name}`, '')
      put(`rules/${name}`)
    }
    await log.says('reload failed')
    t.ok(log.with('it is not a regular file').length > 0)
    t.match(await askUdp(at, 'banned.example'), { rcode: 'NXDOMAIN' })
    site.replace('secrets', SECRET)
    rmSync(site.path('rules/apps/pipe.yaml'))
    site.replace('rules/networks.yaml', banning('other.example'))
    await log.says('rules reloaded')
    t.match(await askUdp(at, 'other.example'), { rcode: 'NXDOMAIN' })
    t.equal(await gateway.stop(), true)
  })
}

t.test('a reload that never ends is reported once, and does not prevent the stop', async t => {
  const site = new Site(t, { 'rules/networks.yaml': banning('banned.example') })
  const read = readConfig(settingsText({}), site.path('interdict.yaml'))
  if (!read.ok) throw new Error('invalid settings')
  const threads = new Threads()
  const log = new MemoryLog()
  const compiler = new CompilerHandle(threads.start)
  t.teardown(() => compiler.close())
  let expire: (() => void) | undefined
  const reloader = new RulesReloader({
    config: read.config,
    compiler,
    log,
    startThread: threads.start,
    bootstrap: { servers: [], domains: [] },
    adopt: () => undefined,
    reloadSecrets: () => Promise.resolve([]),
    reloadSettings: () => Promise.resolve(),
    setNotifySources: () => undefined,
    timers: {
      after: (delay, callback) => {
        t.equal(delay, STUCK_AFTER)
        expire = callback
        return { cancel: () => (expire = undefined) }
      },
      soon: setImmediate
    }
  })
  t.teardown(() => reloader.close())
  t.strictSame(await reloader.load(), [])
  t.equal(await reloader.hasStopped(), true)
  threads.lost = ({ kind }) => kind === 'compile'
  const reloading = reloader.reload('SIGHUP')
  await eventually('the reload', () => expire !== undefined)
  expire!()
  t.equal(log.with('reload stuck').length, 1)
  t.type(reloader.reporter.stuckSince, 'number')
  t.equal(reloader.rules.generation, 1, 'the previous rules remain in force')
  t.equal(await reloader.hasStopped(), false)
  t.equal(await compiler.close(), true)
  await reloading
  t.equal(reloader.reporter.stuckSince, undefined)
  t.equal(expire, undefined)
  t.equal(await reloader.hasStopped(), true)
})

t.test('a compiler thread that waits in the kernel is not waited for', async t => {
  const endless = new Promise<void>(() => undefined)
  const compiler = new CompilerHandle(() => ({ send: () => undefined, end: () => endless }))
  const reading = compiler.readSettings(undefined)
  t.equal(await compiler.close(), false)
  t.match(await reading, { config: undefined, source: undefined })
})
