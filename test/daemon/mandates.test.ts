import { cpSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import { sendAdminRequest } from '../../src/gateway/socket/admin-client.js'
import type { StatusReply } from '../../src/gateway/status/health.js'
import { withMandateSignature } from '../../src/policy/rules/mandates/signed-text.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { RulesHistory } from '../../src/policy/history/rules-history.js'
import { AcceptedBundles } from '../../src/sources/bundle/accepted-bundles.js'
import { banned } from './banned.js'
import { bundle, one, pair, put, RULES, started } from './bundle-rig.js'
import { CERTIFICATE, ListServer, upstream } from '../sources/http/rig.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askUdp } from './dns-client.js'
import { Rig, serving, type Setting } from './serve.js'
import { banning, eventually } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const MANDATE = 'mandates/be.yaml'
const authority = pair()
const MANDATES = `mandates: { folder: mandates, keys: ['${authority.publicKey}'] }`
const SOCKET = 'admin: { socket: admin.sock }'
const MORE = `rules: { folder: rules, ${MANDATES} }\n${SOCKET}`

interface Text {
  readonly bans?: string
  readonly issued?: string
  readonly key?: typeof authority
}

/** A signed mandate for a name in all networks. */
function mandate({
  bans = '[{ names: [banned.example], networks: all }]',
  issued = '2026-01-01',
  key = authority
}: Text = {}): string {
  const text = `mandate: be\nissued: ${issued}\nauthority: Council\nreference: Decision 1\nbans: ${bans}\n`
  return Buffer.from(withMandateSignature(Buffer.from(text), key.key)).toString()
}

const FILES = { [NETWORKS]: banning('banned.example'), [MANDATE]: mandate() }
const SATISFIED = 'force satisfy all mandates'
const NOT_ACCEPTED = 'reload failed'

const open = (t: Test, setting: Setting = {}): Promise<Rig> =>
  serving(t, { files: FILES, more: MORE, ...setting })

async function statusOf({ site }: Rig): Promise<StatusReply> {
  const reply = await sendAdminRequest<StatusReply>(site.path('admin.sock'), { do: 'status' }, 5000)
  if (!reply.ok) throw new Error(reply.message)
  return reply.result
}

const problems = async (rig: Rig): Promise<string[]> =>
  (await statusOf(rig)).health.problems
    .map(({ code }) => code)
    // There is none.
    .filter(code => code !== 'UPSTREAMS_DOWN')

t.test('rules that satisfy a mandate less are refused, and the ban stays', async t => {
  const rig = await open(t)
  await rig.log.says(SATISFIED)
  const { rules } = await statusOf(rig)
  t.match(rules.mandates, {
    mandates: [{ id: 'be', authority: 'Council', from: null, until: null, satisfied: true }],
    shortfalls: 0,
    problems: []
  })
  rig.site.write(NETWORKS, banning('other.example'))
  await rig.log.says(NOT_ACCEPTED)
  const [error] = rig.log.lines.filter(({ fields }) => fields.code === 'MANDATE_UNMET')
  t.match(error, {
    level: 'error',
    message: /mandates\/be\.yaml:5:18: mandate be: banned\.example in network all: no ban covers it/
  })
  t.ok(await banned(rig, 'banned.example'))
  t.notOk(await banned(rig, 'other.example'))
  t.equal(rig.gateway.rules.generation, 1)
  t.strictSame(await problems(rig), ['RULES_REFUSED'], 'the rules in force satisfy it')
  rig.site.write(NETWORKS, banning('banned.example', 'other.example'))
  await rig.generation(2)
  t.ok(await banned(rig, 'other.example'), 'what satisfies it comes in force')
})

t.test('a bundle that satisfies a mandate less is refused, whoever signed it', async t => {
  const more = `${RULES.replace(' }', `, ${MANDATES} }`)}\n${SOCKET}`
  const ban = banning('banned.example')
  const setting = { more, files: { [MANDATE]: mandate() } }
  const rig = await started(t, { serial: 7, files: { 'networks.yaml': ban } }, setting)
  await rig.log.says(SATISFIED)
  put(rig.site, await bundle({ serial: 8, bans: 'other.example', keys: [one] }))
  await rig.log.says(NOT_ACCEPTED)
  t.ok(await banned(rig, 'banned.example'))
  t.equal(rig.gateway.rules.origin.bundle?.serial, 7)
  put(rig.site, await bundle({ serial: 9, files: { 'networks.yaml': `${ban}# 9\n` } }))
  await rig.generation(2)
  t.equal(rig.gateway.rules.origin.bundle?.serial, 9)
})

t.test('a rollback to a bundle from before a mandate is refused', async t => {
  const more = `${RULES.replace(' }', `, ${MANDATES} }`)}\n${SOCKET}`
  const rig = await started(
    t,
    { serial: 7, bans: 'other.example' },
    { more, files: { [MANDATE]: mandate({ bans: '[]' }) } }
  )
  t.ok(await banned(rig, 'other.example'))
  const files = { 'networks.yaml': banning('banned.example') }
  put(rig.site, await bundle({ serial: 8, files }))
  await rig.generation(2)
  rig.site.write(MANDATE, mandate({ issued: '2026-02-01' }))
  await rig.log.says(SATISFIED, 2)
  const store = new AcceptedBundles(rig.site.path('state/bundles'))
  const at = new Date().toISOString()
  store.rollBack(store.read()!, { from: 8, to: 7, by: 'somebody', at })
  await rig.log.says(NOT_ACCEPTED)
  t.ok(await banned(rig, 'banned.example'))
  t.equal(rig.gateway.rules.origin.bundle?.serial, 8)
})

t.test('a mandate that is added does not change the rules, and fails the policy state', async t => {
  const files = { [NETWORKS]: banning('other.example'), [MANDATE]: mandate({ bans: '[]' }) }
  const rig = await open(t, { files })
  rig.site.write(MANDATE, mandate({ issued: '2026-02-01' }))
  await rig.log.says('do not satisfy all mandates')
  t.ok(await banned(rig, 'other.example'), 'the rules keep serving')
  const status = await statusOf(rig)
  t.match(status.health, {
    problems: [{ code: 'MANDATE_UNMET', message: /be\.yaml:5:18.*no ban covers it/ }]
  })
  t.match(status.rules.mandates, { shortfalls: 1, mandates: [{ satisfied: false }] })

  rig.site.write(NETWORKS, banning('third.example'))
  await rig.generation(3)
  t.ok(await banned(rig, 'third.example'), 'rules that satisfy it no less come in force')
  rig.site.write(NETWORKS, banning('banned.example'))
  await rig.log.says(SATISFIED, 2)
  rig.site.write(NETWORKS, banning('third.example'))
  await rig.log.says(NOT_ACCEPTED)
  t.ok(await banned(rig, 'banned.example'), 'but from now on no ban less')
})

t.test('at its first start, a gateway whose rules fall short does not start', async t => {
  const files = { ...FILES, [NETWORKS]: banning('other.example') }
  const rig = new Rig(t, { files, more: MORE })
  t.match(await rig.gateway.start(), [{ code: 'MANDATE_UNMET', message: /be\.yaml:5:18/ }])
})

t.test('a first start downloads a list that satisfies a mandate', async t => {
  const server = await ListServer.open(t)
  server.on('/banned.txt', 'banned.example\n')
  const listed = `networks:
  all: { prefixes: [127.0.0.0/8], bans: [{ id: ordered, lists: [ordered], authority: A, reference: R }] }
lists:
  ordered: { url: '${server.url('/banned.txt')}' }
`
  const setting: Setting = {
    upstream: (await upstream(t)).endpoint,
    more: `${MORE}\nremote-lists: { ca-file: '${resolve(CERTIFICATE)}', timeout: 8s }`
  }
  const rig = new Rig(t, { ...setting, files: { ...FILES, [NETWORKS]: listed } })
  t.strictSame(await rig.gateway.start(), [])
  t.ok(await banned(rig, 'banned.example'))
  t.match((await statusOf(rig)).rules.mandates, { shortfalls: 0 })

  server.on('/banned.txt', 'other.example\n')
  const other = new Rig(t, { ...setting, files: { ...FILES, [NETWORKS]: listed } })
  t.match(await other.gateway.start(), [{ code: 'MANDATE_UNMET' }])
})

t.test('a first start downloads a list of a bundle that satisfies a mandate', async t => {
  const server = await ListServer.open(t)
  server.on('/banned.txt', 'banned.example\n')
  const listed = `networks:
  all: { prefixes: [127.0.0.0/8], bans: [{ id: ordered, lists: [ordered], authority: A, reference: R }] }
lists:
  ordered: { url: '${server.url('/banned.txt')}' }
`
  const remote = `remote-lists: { ca-file: '${resolve(CERTIFICATE)}', timeout: 8s }`
  const more = `${RULES.replace(' }', `, ${MANDATES} }`)}\n${SOCKET}\n${remote}`
  const rig = await started(
    t,
    { serial: 7, files: { 'networks.yaml': listed } },
    { more, files: { [MANDATE]: mandate() }, upstream: (await upstream(t)).endpoint }
  )
  t.ok(await banned(rig, 'banned.example'))
})

t.test('what a mandate demands only later prevents no start', async t => {
  const bans = '[{ names: [banned.example], networks: all, from: 2040-01-01 }]'
  const files = { [NETWORKS]: banning('other.example'), [MANDATE]: mandate({ bans }) }
  const rig = await open(t, { files })
  t.match((await statusOf(rig)).rules.mandates, { shortfalls: 0, later: 1 })
  t.strictSame(await problems(rig), [])
})

/** Another gateway with the state of one that has served. */
async function restarted(
  t: Test,
  before: Rig,
  change: (rig: Rig) => void,
  more = MORE
): Promise<Rig> {
  await eventually('the history has the rules', async () => {
    const { latest } = await RulesHistory.open(historyFolder(before.site.path('state')))
    return latest?.event.sha256 === before.gateway.rules.origin.sha256
  })
  await before.gateway.stop()
  const rig = new Rig(t, { files: {}, more })
  for (const name of ['state', 'rules', 'mandates'])
    cpSync(before.site.path(name), rig.site.path(name), { recursive: true })
  change(rig)
  t.strictSame(await rig.gateway.start(), [])
  return rig
}

t.test('at a restart, the rules that were in force last are served instead', async t => {
  const before = await open(t)
  const rig = await restarted(t, before, ({ site }) =>
    site.write(NETWORKS, banning('other.example'))
  )
  t.ok(await banned(rig, 'banned.example'))
  t.notOk(await banned(rig, 'other.example'))
  const { health } = await statusOf(rig)
  t.match(health.problems, [{ code: 'RULES_REFUSED', message: /be\.yaml:5:18/ }])
  rig.site.write(NETWORKS, `${banning('banned.example')}# repaired\n`)
  await rig.generation(2)
  t.strictSame(await problems(rig), [])
})

t.test('at a restart, rules that fell short before keep serving', async t => {
  const files = { [NETWORKS]: banning('other.example'), [MANDATE]: mandate({ bans: '[]' }) }
  const rig = await restarted(t, await open(t, { files }), ({ site }) =>
    site.write(MANDATE, mandate({ issued: '2026-02-01' }))
  )
  t.ok(await banned(rig, 'other.example'))
  t.strictSame(await problems(rig), ['MANDATE_UNMET'])
})

const gone = [
  { it: 'deleted', change: ({ site }: Rig) => rmSync(site.path(MANDATE)), code: 'MANDATE_MISSING' },
  {
    it: 'invalid',
    change: ({ site }: Rig) => site.write(MANDATE, `${mandate()}x: y\n`),
    code: 'MANDATE_UNSIGNED'
  },
  {
    it: 'signed by somebody else',
    change: ({ site }: Rig) =>
      site.write(MANDATE, mandate({ bans: '[]', issued: '2026-02-01', key: one })),
    code: 'MANDATE_UNSIGNED'
  },
  {
    it: 'an older issue',
    change: ({ site }: Rig) => site.write(MANDATE, mandate({ bans: '[]', issued: '2025-01-01' })),
    code: 'MANDATE_OLDER'
  },
  {
    it: 'another text of the same issue',
    change: ({ site }: Rig) => site.write(MANDATE, mandate({ bans: '[]' })),
    code: 'MANDATE_ALTERED'
  }
]
for (const { it, change, code } of gone)
  t.test(`a mandate whose file is ${it} stays in force`, async t => {
    const rig = await open(t)
    change(rig)
    await eventually('an error', () => rig.log.lines.some(({ fields }) => fields.code === code))
    t.match((await statusOf(rig)).health.problems, [{ code: 'MANDATE_INVALID' }])
    rig.site.write(NETWORKS, banning('other.example'))
    await rig.log.says(NOT_ACCEPTED)
    const again = await restarted(t, rig, () => undefined)
    t.ok(await banned(again, 'banned.example'), 'also after a restart')
    t.strictSame((await problems(again)).sort(), ['MANDATE_INVALID', 'RULES_REFUSED'])
  })

t.test('only its authority withdraws a mandate', async t => {
  const rig = await open(t)
  rig.site.write(MANDATE, mandate({ bans: '[]', issued: '2026-02-01' }))
  await rig.log.says(SATISFIED, 2)
  rig.site.write(NETWORKS, banning('other.example'))
  await rig.generation(3)
  t.ok(await banned(rig, 'other.example'))
  rig.site.write(MANDATE, mandate())
  await eventually('an error', () =>
    rig.log.lines.some(({ fields }) => fields.code === 'MANDATE_OLDER')
  )
})

t.test('nor does another authority that is trusted, too', async t => {
  const rig = await open(t, { reloads: true })
  const settings = rig.site.read('interdict.yaml')
  const keys = `${authority.publicKey}', '${one.publicKey}`
  rig.site.write('interdict.yaml', settings.replace(authority.publicKey, keys))
  await rig.gateway.reload('SIGHUP')
  rig.site.write(MANDATE, mandate({ bans: '[]', issued: '2026-02-01', key: one }))
  await eventually('an error', () =>
    rig.log.lines.some(({ fields }) => fields.code === 'MANDATE_FOREIGN')
  )
  rig.site.write(NETWORKS, banning('other.example'))
  await eventually('a refusal', () =>
    rig.log.lines.some(({ fields }) => fields.code === 'MANDATE_UNMET')
  )
  t.notOk(await banned(rig, 'other.example'))
})

t.test('a key that is no longer trusted ends its mandates, with an error', async t => {
  const rig = await open(t, { reloads: true })
  const settings = rig.site.read('interdict.yaml')
  rig.site.write('interdict.yaml', settings.replace(authority.publicKey, one.publicKey))
  await eventually('an error', () =>
    rig.log.lines.some(({ fields }) => fields.code === 'MANDATE_DROPPED')
  )
  t.match((await statusOf(rig)).health.problems, [{ code: 'MANDATE_INVALID' }])
})

t.test('settings with a bad key of an authority are refused', async t => {
  const rig = await open(t, { reloads: true })
  const settings = rig.site.read('interdict.yaml')
  rig.site.write('authority.pub', 'no key')
  rig.site.write('interdict.yaml', settings.replace(authority.publicKey, 'authority.pub'))
  await rig.log.says('settings reload failed')
  t.ok(rig.log.lines.some(({ fields }) => fields.code === 'BUNDLE_TRUST'))
  t.strictSame(await problems(rig), ['SETTINGS_REFUSED'], 'the mandate is in force as before')
  rig.site.write(NETWORKS, banning('other.example'))
  await rig.log.says(NOT_ACCEPTED)
  t.ok(await banned(rig, 'banned.example'))
  rig.site.write('authority.pub', authority.publicKey)
  await rig.gateway.reload('SIGHUP')
  await rig.log.says('settings reloaded')

  const files = { ...FILES, 'authority.pub': 'no key' }
  const other = new Rig(t, { files, more: MORE.replace(authority.publicKey, 'authority.pub') })
  t.match(await other.gateway.start(), [{ code: 'BUNDLE_TRUST', message: /authority\.pub/ }])
})

const NONE = `rules: rules\n${SOCKET}`

t.test('settings without mandates any more end them, with an error', async t => {
  const rig = await open(t, { reloads: true })
  const settings = rig.site.read('interdict.yaml')
  rig.site.write('interdict.yaml', settings.replace(MORE, NONE))
  const logged = (one: Rig): boolean =>
    one.log.lines.some(
      ({ level, fields }) => level === 'error' && fields.code === 'MANDATE_DROPPED'
    )
  await eventually('an error', () => logged(rig))
  t.match((await statusOf(rig)).health.problems, [
    { code: 'MANDATE_INVALID', message: /mandate be is no longer in force/ }
  ])
  rig.site.write(NETWORKS, banning('other.example'))
  await rig.log.says('rules reloaded', 2)
  t.strictSame(await problems(rig), ['MANDATE_INVALID'], 'also with other rules')

  const again = await restarted(t, rig, () => undefined, NONE)
  t.ok(logged(again), 'also at the start')
  t.strictSame(await problems(again), ['MANDATE_INVALID'])
})

const APP = 'rules/apps/clip.yaml'
const app = (...names: readonly string[]): string =>
  `app: clip\ntitle: Clip\nnames: [${names.join(', ')}]\n`
const OF_APP = `networks:
  all: { prefixes: [127.0.0.0/8], bans: [{ apps: [clip], authority: A, reference: R }] }
`

t.test(
  'rules that satisfy a mandate less are refused although the state cannot be written',
  async t => {
    const files = {
      [NETWORKS]: OF_APP,
      [APP]: app('banned.example', 'media.example'),
      [MANDATE]: mandate({ bans: '[{ apps: [clip], networks: all }]' }),
      // Files in the place of folders.
      'state/mandates': '',
      'state/history': ''
    }
    const rig = await open(t, { files })
    await eventually('the problems', async () => (await problems(rig)).length === 2)
    t.strictSame((await problems(rig)).sort(), ['HISTORY_GAP', 'MANDATE_INVALID'])
    rig.site.write(APP, app('banned.example'))
    await rig.log.says(NOT_ACCEPTED)
    t.ok(await banned(rig, 'media.example'), 'a name that the app had is not lifted')
    rig.site.write(APP, app('banned.example', 'media.example', 'more.example'))
    await rig.generation(2)
    rig.site.write(APP, app('banned.example', 'media.example'))
    await rig.log.says(NOT_ACCEPTED, 2)
    t.ok(await banned(rig, 'more.example'), 'the rules that came in force later count')
    rmSync(rig.site.path('state/mandates'))
    rig.site.write(APP, `${app('banned.example', 'media.example', 'more.example')}# again\n`)
    await rig.generation(3)
    t.ok(rig.site.has('state/mandates/in-force.json'), 'it is stored once that is possible')
  }
)

t.test('a mandate that was withdrawn is not missed in the settings', async t => {
  const rig = await open(t)
  rig.site.write(MANDATE, mandate({ bans: '[]', issued: '2026-02-01' }))
  await rig.log.says(SATISFIED, 2)
  const again = await restarted(t, rig, () => undefined, NONE)
  t.strictSame(await problems(again), [])
})

t.test('mandates in a running gateway: the rules in force are compared first', async t => {
  const rig = await open(t, { files: FILES, more: `rules: rules\n${SOCKET}`, reloads: true })
  await eventually('the history has the rules', async () => {
    const { latest } = await RulesHistory.open(historyFolder(rig.site.path('state')))
    return latest !== undefined
  })
  rig.site.write(NETWORKS, 'networks: [\n')
  await rig.log.says(NOT_ACCEPTED)
  rig.site.write(
    'interdict.yaml',
    rig.site.read('interdict.yaml').replace('rules: rules', MORE.split('\n')[0]!)
  )
  await rig.log.says('settings reloaded')
  rig.site.write(NETWORKS, banning('other.example'))
  await rig.log.says(NOT_ACCEPTED, 2)
  t.ok(await banned(rig, 'banned.example'), 'rules from the history count as those in force')
})

t.test('lookups of mandated names are logged whatever the verdict', async t => {
  const upstream = await BadUpstream.open(good(1))
  t.teardown(() => upstream.close())
  const files = { [NETWORKS]: banning('other.example'), [MANDATE]: mandate({ bans: '[]' }) }
  const rig = await open(t, { files, upstream: upstream.endpoint })
  await askUdp(rig.at, 'www.banned.example')
  rig.site.write(MANDATE, mandate({ issued: '2026-02-01' }))
  await rig.generation(2)
  for (const name of ['www.banned.example', 'free.example', 'other.example'])
    await askUdp(rig.at, name)
  await eventually('two lines', () => rig.site.records().length >= 2)
  t.match(rig.site.records(), [
    { qname: 'www.banned.example', verdict: /forwarded|cached/, pattern: 'banned.example' },
    { qname: 'other.example', verdict: 'blocked' }
  ])
})
