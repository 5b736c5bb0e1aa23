import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { CatalogueUpdater } from '../../src/gateway/catalogue/catalogue-updater.js'
import { loadSettings } from '../../src/cli/args/settings.js'
import { interdict, PROGRAM } from '../cli/run.js'
import { catalogueBundle, clipWith } from '../sources/catalogue-bundle.js'
import { CERTIFICATE, ListServer, upstream } from '../sources/http/rig.js'
import { FakeTime } from '../upstream/fake-time.js'
import { banned } from './banned.js'
import { MemoryLog, Rig } from './serve.js'
import { eventually } from './site.js'

const NETWORKS =
  'networks:\n  all: { prefixes: [127.0.0.0/8], bans: [{ apps: [clip], authority: A, reference: R }] }\n'
const PATH = '/apps.catalogue'

/** A running gateway that bans an app of the catalogue, and the server that publishes the catalogue. */
async function running(t: Test, monitored = '0s') {
  const keys = generateKeys()
  const server = await ListServer.open(t)
  const rig = new Rig(t, {
    upstream: (await upstream(t)).endpoint,
    reloads: true,
    more: `remote-lists: { ca-file: '${resolve(CERTIFICATE)}', timeout: 8s }
catalogue: { url: '${server.url(PATH)}', keys: ['${keys.publicKey}'], interval: 1h, monitor-new-names: ${monitored} }`,
    files: { 'rules/networks.yaml': NETWORKS, 'rules/apps/clip.yaml': clipWith('own.example') }
  })
  if ((await rig.gateway.start()).length > 0) throw new Error('the gateway does not start')
  const bundle = (serial: number, names: readonly string[], key = keys.privatePem) =>
    catalogueBundle({ app: clipWith(...names), serial, key })
  const publish = async (...of: Parameters<typeof bundle>): Promise<void> =>
    server.on(PATH, await bundle(...of))
  const catalogue = (...words: string[]) =>
    interdict('-c', rig.site.path('interdict.yaml'), 'catalogue', ...words)
  const inForce = (name: string): Promise<void> => eventually(name, () => banned(rig, name))
  return { rig, server, bundle, publish, catalogue, inForce }
}

t.test('a running gateway enforces an update, and a rollback, without a restart', async t => {
  const { rig, bundle, publish, catalogue, inForce } = await running(t)
  t.notOk(await banned(rig, 'one.example'))

  await publish(1, ['one.example'])
  t.match(await catalogue('preview'), { code: 0, out: /\+ one\.example: cdn; evidence list-a/ })
  t.notOk(rig.site.has('state/catalogue/catalogue.json'), 'a preview writes nothing')
  t.equal(rig.gateway.rules.generation, 1, 'nor does the gateway reload')
  t.match(await catalogue('update'), { code: 0, out: /^Updated to catalogue 1\.1/ })
  await inForce('one.example')
  t.ok(await banned(rig, 'own.example'), 'names of the site stay')

  rig.site.write('second.catalogue', await bundle(2, ['two.example']))
  const file = rig.site.path('second.catalogue')
  t.match(await catalogue('preview', file), { code: 0, out: /- one\.example/ })
  t.ok(await banned(rig, 'one.example'))
  t.match(await catalogue('update', file), { code: 0, out: /^Updated to catalogue 1\.2/ })
  await inForce('two.example')
  t.notOk(await banned(rig, 'one.example'), 'a removed name is no longer banned')

  const { generation } = rig.gateway.rules
  const refused = async (code: string): Promise<void> => {
    t.match(await catalogue('update'), { code: 1, err: new RegExp(code) })
    t.match((await catalogue('show', '--json')).out, new RegExp(`"code": ?"${code}"`))
    await rig.gateway.reload('SIGHUP')
    t.ok(await banned(rig, 'two.example'), `${code}: the last good catalogue stays`)
    t.notOk(await banned(rig, 'three.example'))
  }
  await refused('CATALOGUE_OLDER')
  await publish(3, ['three.example'], generateKeys().privatePem)
  await refused('BUNDLE_UNSIGNED')
  await publish(3, ['three.example', 'com'])
  await refused('CATALOGUE_REFUSED')
  t.equal(rig.gateway.rules.generation, generation, 'nothing that was refused is reloaded')

  t.match(await catalogue('rollback'), { code: 0, out: 'Catalogue 1 is in force instead of 2.\n' })
  await inForce('one.example')
  t.notOk(await banned(rig, 'two.example'))
})

t.test('the schedule updates a running gateway, and new names are monitored first', async t => {
  const { rig, server, publish, inForce } = await running(t, '1d')
  const time = new FakeTime()
  const log = new MemoryLog()
  const updater = new CatalogueUpdater({
    ...{ log, program: resolve(PROGRAM), timers: time.timers, wall: () => time.clock.wall() }
  })
  updater.update(await loadSettings({ config: rig.site.path('interdict.yaml') }))
  updater.start()
  t.teardown(() => updater.close())
  /** Lets time pass, and waits for the attempt. */
  const run = async (after: number) => {
    const { last } = updater.status!
    time.advance(after)
    await eventually('an attempt', () => updater.status?.last !== last)
    return updater.status
  }
  await publish(1, ['one.example'])
  t.match(await run(20_000), { inForce: { serial: 1 }, error: null })
  t.equal(log.with('catalogue updated').length, 1)
  await rig.generation(2)
  t.notOk(await banned(rig, 'one.example'), 'only monitored')
  await eventually('its record', () =>
    rig.site.records().some(it => it.qname === 'one.example' && it.verdict === 'monitored')
  )

  server.on(PATH, (_asked, response) => response.writeHead(503).end())
  t.match(await run(3_600_000), { inForce: { serial: 1 }, error: { code: 'REMOTE_STATUS' } })
  t.ok(await banned(rig, 'own.example'))
  await publish(2, ['one.example', 'own.example'])
  t.match(await run(600_000), { inForce: { serial: 2 }, error: null }, 'retried before the hour')
  await inForce('own.example')
})
