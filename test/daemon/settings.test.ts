import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import type { SettingsResult } from '../../src/gateway/compiler/compiler-handle.js'
import { SettingsReloader } from '../../src/gateway/reload/settings-reloader.js'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { Sink } from '../querylog/export/sinks.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { banned } from './banned.js'
import { askTcp, askUdp } from './dns-client.js'
import { MemoryLog, serving, settingsText, type Rig, type Setting } from './serve.js'
import { banning, eventually } from './site.js'

const FILE = 'interdict.yaml'
const RELOADED = 'settings reloaded'
const REFUSED = 'settings reload failed'

async function upstream(t: Test, mark: number): Promise<BadUpstream> {
  const opened = await BadUpstream.open(good(mark))
  t.teardown(() => opened.close())
  return opened
}

/** Writes the settings in place. The rest is as in `settingsText`. */
const write = ({ site }: Rig, setting: Setting): void => site.write(FILE, settingsText(setting))

/** Writes the settings, and reads them without waiting for the watcher. */
async function apply(rig: Rig, setting: Setting): Promise<void> {
  write(rig, setting)
  await rig.gateway.reload('settings changed')
  const { settings } = await rig.gateway.status()
  if (settings!.reload!.errors > 0) throw new Error(settings!.reload!.first[0]!.message)
}

t.test('a changed file is in force, also in a worker that is restarted', async t => {
  const [first, second] = [await upstream(t, 1), await upstream(t, 2)]
  const setting = { reloads: true, queries: 'flush: 10ms, which: all' }
  const rig = await serving(t, { ...setting, upstream: first.endpoint })
  await askUdp(rig.at, 'one.example')
  t.equal(first.seen.length, 1)
  write(rig, { ...setting, upstream: second.endpoint })
  const { fields } = await rig.log.says(RELOADED)
  t.match(fields, { generation: 2, sha256: /^[0-9a-f]{64}$/, changed: ['upstreams'] })
  await askUdp(rig.at, 'two.example')
  t.equal(second.seen.length, 1)
  await eventually('two records', () => rig.site.records().length === 2)
  t.match(rig.site.records(), [
    { qname: 'one.example', upstream: `127.0.0.1:${first.endpoint.port}` },
    { qname: 'two.example', upstream: `127.0.0.1:${second.endpoint.port}` }
  ])
  const { upstreams, settings } = await rig.gateway.status()
  t.match(upstreams, [{ address: `127.0.0.1:${second.endpoint.port}`, queries: 1 }])
  t.equal(upstreams.length, 1)
  t.match(settings, { generation: 2, restart: [], reload: { errors: 0 } })
  await rig.threads.kill('worker')
  await rig.log.says('worker restarted')
  await askUdp(rig.at, 'three.example')
  t.equal(second.seen.length, 2, 'it has the newest settings')
})

t.test('a wrong file changes nothing, until it is fixed', async t => {
  const setting = { reloads: true, more: 'identity: { name: a }' }
  const rig = await serving(t, setting)
  const wrong = 'workers: 0\ncahce: {}\nidentity: { name: b }\n'
  rig.site.write(FILE, wrong)
  await rig.log.says(REFUSED)
  t.match(
    rig.log.lines.filter(({ level }) => level === 'error').map(({ message }) => message),
    [/interdict\.yaml:1:10: workers: /, /interdict\.yaml:2:1: /]
  )
  t.equal(rig.gateway.config.identity.name, 'a')
  const { settings } = await rig.gateway.status()
  t.match(settings, { generation: 1, reload: { outcome: 'refused', errors: 2 } })
  await rig.gateway.reload('settings changed')
  t.equal(rig.log.with(REFUSED).length, 1, 'the same errors are not repeated')
  await rig.gateway.reload('SIGHUP')
  t.equal(rig.log.with(REFUSED).length, 2, 'unless requested')
  t.equal(rig.log.with('rules unchanged').length, 1, 'the rules are read all the same')

  write(rig, { ...setting, more: 'identity: { name: b }' })
  await rig.log.says(RELOADED)
  t.equal(rig.gateway.config.identity.name, 'b')
  rig.site.write(FILE, wrong)
  await rig.log.says(REFUSED, 3)
  write(rig, { ...setting, more: 'identity: { name: b }' })
  await rig.log.says('settings unchanged; errors are fixed')
})

const named = (name: string): Setting => ({ reloads: true, more: `identity: { name: ${name} }` })

/** How the file can be replaced. */
const replacements: { readonly it: string; readonly replace: (rig: Rig, name: string) => void }[] =
  [
    {
      it: 'renamed over',
      replace: ({ site }, name) => {
        site.write('new.yaml', settingsText(named(name)))
        renameSync(site.path('new.yaml'), site.path(FILE))
      }
    },
    {
      it: 'deleted and written',
      replace: ({ site }, name) => site.replace(FILE, settingsText(named(name)))
    },
    {
      it: 'a link into a folder that is swapped, as a ConfigMap is',
      replace: ({ site }, name) => {
        for (const [version, identity] of [
          ['v1', 'old'],
          ['v2', name]
        ] as const) {
          mkdirSync(site.path(version))
          site.write(`${version}/${FILE}`, settingsText(named(identity)))
        }
        symlinkSync('v1', site.path('data'))
        symlinkSync(`data/${FILE}`, site.path('link'))
        renameSync(site.path('link'), site.path(FILE))
        symlinkSync('v2', site.path('data.new'))
        renameSync(site.path('data.new'), site.path('data'))
      }
    }
  ]

t.test('the file may be replaced, but never be deleted or emptied', async t => {
  const rig = await serving(t, named('old'))
  for (const { it, replace } of replacements) {
    const name = it.split(' ', 1)[0]!
    replace(rig, name)
    await eventually(it, () => rig.gateway.config.identity.name === name)
    t.pass(it)
  }
  const { name } = rig.gateway.config.identity
  rmSync(rig.site.path(FILE))
  await rig.log.says(REFUSED)
  t.match((await rig.gateway.status()).settings?.reload?.first, [{ code: 'CONFIG_UNREADABLE' }])
  rig.site.write(FILE, '')
  await rig.log.says(REFUSED, 2)
  t.match((await rig.gateway.status()).settings?.reload?.first, [{ code: 'CONFIG_EMPTY' }])
  t.equal(rig.gateway.config.identity.name, name)
})

t.test('what needs a restart is named, and everything else changes', async t => {
  const rig = await serving(t, { reloads: true })
  const more = 'identity: { name: new }'
  await apply(rig, { workers: 3, more })
  const { fields, message } = await rig.log.says('takes effect after restart')
  t.match({ fields, message }, { fields: { code: 'CONFIG_RESTART' }, message: 'workers (1 → 3)' })
  t.equal(rig.gateway.config.identity.name, 'new')
  const restart = [{ key: 'workers', running: '1', wanted: '3' }]
  t.match((await rig.gateway.status()).settings, { generation: 2, restart })
  await apply(rig, { workers: 3, more: 'identity: { name: newer }' })
  t.equal(rig.log.with('takes effect after restart').length, 1, 'not said twice')
  await apply(rig, { more })
  t.match((await rig.gateway.status()).settings, { generation: 4, restart: [] })
})

async function addresses(at: Endpoint, name: string): Promise<string[]> {
  return (await askUdp(at, name)).answers.map(answer => answer.split(' ').at(-1)!)
}

/** Each is applied to one gateway, one after the other, with what shows that it is in force. */
const inPlace: {
  readonly it: string
  readonly setting: (rig: Rig, t: Test) => Setting | Promise<Setting>
  readonly holds: (rig: Rig, t: Test) => unknown
}[] = [
  {
    it: 'upstreams of a domain',
    setting: async (_, t) => {
      const { port } = (await upstream(t, 7)).endpoint
      return { upstreams: `forward: { corp.example: ['127.0.0.1:${port}'] }` }
    },
    holds: async ({ at }, t) => {
      t.strictSame(await addresses(at, 'a.corp.example'), ['192.0.2.7'])
      t.strictSame(await addresses(at, 'a.example'), ['192.0.2.1'])
    }
  },
  {
    it: 'upstreams without cookies and random case',
    setting: () => ({ upstreams: 'cookies: false, case-randomization: false' }),
    holds: async ({ at }, t) => {
      t.strictSame(await addresses(at, 'b.corp.example'), ['192.0.2.1'])
    }
  },
  {
    it: 'the longest TTL',
    setting: () => ({ cache: 'max-ttl: 7s, prefetch: false, stale-max: 0s' }),
    holds: async ({ at }, t) => t.match((await askUdp(at, 'ttl.example')).answers, [/ 7 A /])
  },
  {
    it: 'special-use names',
    setting: () => ({ more: 'special-use: { except: [home.arpa] }' }),
    holds: async ({ at }, t) => {
      t.strictSame(await addresses(at, 'a.home.arpa'), ['192.0.2.1'])
    }
  },
  {
    it: 'the rebinding guard, also for answers that were served before',
    setting: () => ({ more: 'rebinding-guard: { enabled: true, addresses: [192.0.2.0/24] }' }),
    holds: async ({ at }, t) => t.strictSame(await addresses(at, 'a.example'), [])
  },
  {
    it: 'a limit of queries',
    setting: () => ({ more: 'limits: { queries-per-second: 1, burst: 1s, slip: 1 }' }),
    holds: async (rig, t) => {
      for (let i = 0; i < 3; i++) await askUdp(rig.at, 'a.example')
      t.not((await rig.gateway.status()).limits.queries.slipped, 0)
    }
  },
  {
    it: 'no limit, whose counters go on',
    setting: () => ({ more: 'limits: { responses-per-second: 1000 }' }),
    holds: async (rig, t) => t.match(await askUdp(rig.at, 'a.example'), { rcode: 'NOERROR' })
  },
  {
    it: 'connections of a client',
    setting: async ({ at }, t) => {
      const open = connect(at.port, at.address)
      await new Promise(resolve => open.once('connect', resolve))
      t.teardown(() => open.destroy())
      return { more: 'tcp: { max-connections-per-client: 1 }' }
    },
    holds: async ({ at }, t) => t.rejects(askTcp(at, 'a.example'), 'one is open')
  },
  {
    it: 'no server cookies',
    setting: () => ({ more: 'cookies: { server: false }' }),
    holds: async (rig, t) => t.match(await askUdp(rig.at, 'a.example'), { rcode: 'NOERROR' })
  },
  {
    it: 'server cookies with secrets of a file',
    setting: ({ site }) => {
      site.write('secrets', `${'0'.repeat(32)}\n`)
      return { more: 'cookies: { secret-file: secrets }' }
    },
    holds: async (rig, t) => t.match(await askUdp(rig.at, 'a.example'), { rcode: 'NOERROR' })
  },
  {
    it: 'which lookups are logged, where, and without clients',
    setting: () => ({
      queryLog: 'all.jsonl',
      queries: 'flush: 10ms, which: all, privacy: { default: none }'
    }),
    holds: async ({ at, site }, t) => {
      await askUdp(at, 'logged.example')
      await eventually('a record', () => site.records('all.jsonl').length > 0)
      t.strictSame(
        site.records('all.jsonl').map(({ qname, client }) => [qname, client]),
        [['logged.example', undefined]]
      )
    }
  },
  {
    it: 'an output',
    setting: async (rig, t) => {
      const sink = new Sink(t)
      sinks.set(rig, sink)
      const to = `tcp://127.0.0.1:${(await sink.listen()).port}`
      return { outputs: `{ name: siem, type: json, to: '${to}' }` }
    },
    holds: async (rig, t) => {
      await askUdp(rig.at, 'banned.example')
      const { received } = sinks.get(rig)!
      await eventually('a line', () => received.join('').includes('banned.example'))
      t.match((await rig.gateway.status()).recorder?.outputs, [{ name: 'siem', connected: true }])
    }
  },
  {
    it: 'no output, and no query log',
    setting: () => ({ queries: 'which: none' }),
    holds: async (rig, t) => t.strictSame((await rig.gateway.status()).recorder?.outputs, [])
  },
  {
    it: 'the admin socket',
    setting: () => ({ more: 'admin: { socket: other.sock }' }),
    holds: ({ site }, t) => {
      t.ok(existsSync(site.path('other.sock')))
      t.notOk(existsSync(site.path('state/admin.sock')))
    }
  },
  {
    it: 'no admin socket',
    setting: () => ({ more: 'admin: { socket: off }' }),
    holds: ({ site }, t) => t.notOk(existsSync(site.path('other.sock')))
  },
  {
    it: 'the rules folder',
    setting: ({ site }) => {
      site.write('other/networks.yaml', banning('other.example'))
      return { more: 'rules: other' }
    },
    holds: async (rig, t) => {
      t.ok(await banned(rig, 'other.example'))
      t.notOk(await banned(rig, 'banned.example'))
    }
  }
]

const sinks = new WeakMap<Rig, Sink>()

t.test('settings that change in place', async t => {
  const { endpoint } = await upstream(t, 1)
  const rig = await serving(t, { reloads: true, upstream: endpoint })
  // On the shelf, and in the cache.
  for (let i = 0; i < 3; i++) await askUdp(rig.at, 'a.example')
  for (const { it, setting, holds } of inPlace) {
    await t.test(it, async t => {
      await apply(rig, { upstream: endpoint, ...(await setting(rig, t)) })
      await holds(rig, t)
    })
  }
  t.not((await rig.gateway.status()).limits.queries.slipped, 0, 'counters go on')
})

/** Valid settings that cannot be applied: nothing of them may be in force. */
const impossible: { readonly more: string; readonly code: string; readonly says: RegExp }[] = [
  {
    more: 'cookies: { secret-file: none }',
    code: 'COOKIE_SECRETS_UNREADABLE',
    says: /none: no such file/
  },
  {
    more: 'transfers: { keys: { k.example: { secret-file: none } } }',
    code: 'TRANSFER_SECRET_UNREADABLE',
    says: /none/
  },
  { more: 'admin: { socket: rules }', code: 'ADMIN_SOCKET', says: /:\d+:\d+: .*not a socket/ }
]
const outputs: typeof impossible = [
  { more: 'ca: none', code: 'CONFIG_FILE', says: /^log\.outputs\.siem\.ca: cannot use .*none/ },
  {
    more: 'cert: bad, key: bad',
    code: 'CONFIG_FILE',
    says: /^log\.outputs\.siem: cannot use .*bad/
  }
]
const files: typeof impossible = [
  { more: 'rules', code: 'CONFIG_FILE', says: /^log\.queries\.file: .*a folder/ },
  { more: 'bad/x.jsonl', code: 'CONFIG_UNWRITABLE', says: /^log\.queries\.file: / }
]
const queries: typeof impossible = [
  { more: 'chain: { sign-key: bad }', code: 'CHAIN_KEY', says: /interdict\.yaml:\d+:\d+: / }
]

t.test('settings that cannot be applied change nothing', async t => {
  const rig = await serving(t, { reloads: true, more: 'identity: { name: old }' })
  writeFileSync(rig.site.path('bad'), 'no certificate')
  const refused = async (
    setting: Setting,
    { code, says }: (typeof impossible)[0]
  ): Promise<void> => {
    write(rig, setting)
    await rig.gateway.reload('settings changed')
    const { reload } = (await rig.gateway.status()).settings!
    t.match(reload, { outcome: 'refused', first: [{ code, message: says }] }, code)
    t.equal(rig.gateway.config.identity.name, 'old')
  }
  const name = 'identity: { name: new }'
  for (const one of impossible) await refused({ more: `${name}\n${one.more}` }, one)
  for (const one of outputs) {
    const to = "to: 'tls://192.0.2.1:1'"
    const output = `{ name: siem, type: json, ${to}, ${one.more} }`
    await refused({ more: name, outputs: output }, one)
  }
  for (const one of files) await refused({ more: name, queryLog: one.more }, one)
  for (const one of queries)
    await refused({ more: name, queryLog: 'logs/q.jsonl', queries: one.more }, one)
  const self = `127.0.0.1:${rig.at.port}`
  const forward = `forward: { corp.example: ['${self}'] }`
  const selfish = { more: '', code: 'CONFIG_SELF', says: new RegExp(`upstream ${self} is this`) }
  await refused({ more: name, upstreams: forward }, selfish)
  t.ok(existsSync(rig.site.path('state/admin.sock')))
})

t.test('settings refused for a missing file are in force once it is there', async t => {
  const rig = await serving(t, { reloads: true, more: 'identity: { name: old }' })
  write(rig, { more: 'identity: { name: new }\ncookies: { secret-file: secrets }' })
  await rig.log.says(REFUSED)
  rig.site.write('secrets', `${'0'.repeat(32)}\n`)
  await rig.log.says(RELOADED)
  t.equal(rig.gateway.config.identity.name, 'new')
  t.equal(rig.log.with(REFUSED).length, 1)
  const { settings } = await rig.gateway.status()
  t.match(settings, { reload: { outcome: 'accepted', errors: 0 } })
})

t.test('a stop while the file is read is not reported as an error in the settings', async t => {
  const config = readConfig('', '/x/interdict.yaml')
  if (!config.ok) throw new Error('settings')
  const log = new MemoryLog()
  let resolve: (result: SettingsResult) => void = () => undefined
  const promise = new Promise<SettingsResult>(done => (resolve = done))
  const file = { path: '/x/interdict.yaml', sha256: undefined }
  const reloader = new SettingsReloader({
    compiler: { readSettings: () => promise, ensureStarted: () => undefined },
    log,
    config: config.config,
    source: { file, watchState: new Map() },
    apply: () => Promise.reject(new Error('not applied')),
    onChange: () => undefined
  })
  const reloading = reloader.reload('SIGHUP')
  reloader.close()
  const errors = [{ code: 'FAULT', message: 'the compiler thread was stopped' }]
  resolve({ config: undefined, errors, source: undefined })
  await reloading
  t.strictSame(log.lines, [])
})
