import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { AcceptedBundles } from '../../src/bundle/accepted.js'
import { banned } from './banned.js'
import {
  bundle,
  put,
  rig,
  RULES_OF_TWO,
  started,
  stranger,
  one,
  two,
  type Offer
} from './bundle-rig.js'
import type { Rig } from './serve.js'
import { banning, eventually } from './site.js'

/** What is in force says so: the ban of this serial holds, and no other does. */
async function isInForce(t: Test, rig: Rig, serial: number): Promise<void> {
  t.equal(rig.gateway.rules.bundle?.serial, serial)
  t.ok(await banned(rig, `n${serial}.example`), `the ban of ${serial} holds`)
}

const taken = (rig: Rig, serial: number): Promise<void> =>
  eventually(`bundle ${serial}`, () => rig.gateway.rules.bundle?.serial === serial)

t.test('a newer bundle is in force as soon as it is there', async t => {
  const served = await started(t, { serial: 7 })
  await isInForce(t, served, 7)
  put(served.site, await bundle({ serial: 8 }))
  await taken(served, 8)
  await isInForce(t, served, 8)
  t.notOk(await banned(served, 'n7.example'))
  t.match(await served.log.says('rules in force', 2), { fields: { serial: 8 } })
  t.equal(served.gateway.rules.generation, 2, 'it was read once')
})

t.test('a bundle that is written in place is taken when it is whole', async t => {
  const served = await started(t, { serial: 7 })
  const octets = await bundle({ serial: 8 })
  const path = served.site.path('rules.bundle')
  for (const end of [10, 100, octets.length - 1]) {
    writeFileSync(path, octets.subarray(0, end))
    await served.gateway.reload('a rule file changed')
    await isInForce(t, served, 7)
  }
  writeFileSync(path, octets)
  await taken(served, 8)
})

const refusals: readonly (Offer & { it: string; code: string })[] = [
  { it: 'is not signed', serial: 8, keys: [], code: 'BUNDLE_UNSIGNED' },
  { it: 'somebody else signed', serial: 8, keys: [stranger], code: 'BUNDLE_UNSIGNED' },
  { it: 'one of two signed', serial: 8, keys: [one], code: 'BUNDLE_UNSIGNED' },
  { it: 'is expired', serial: 8, expires: -0.5, code: 'BUNDLE_EXPIRED' },
  { it: 'is of the future', serial: 8, created: 1, code: 'BUNDLE_EARLY' },
  { it: 'has a lower serial', serial: 6, code: 'BUNDLE_OLDER' },
  { it: 'has the serial of another', serial: 7, bans: 'x.example', code: 'BUNDLE_OTHER' },
  {
    it: 'has wrong rules',
    serial: 8,
    files: { 'networks.yaml': 'networks: { all: { prefixes: [x] } }\n' },
    code: 'DOCUMENT_INVALID'
  }
]

for (const { it, code, ...offer } of refusals) {
  t.test(`a bundle that ${it} is refused, and the last good one stays`, async t => {
    const setting = { more: RULES_OF_TWO }
    const served = await started(t, { serial: 7, keys: [one, two] }, setting)
    put(served.site, await bundle({ keys: [one, two], ...offer }))
    const { fields } = await served.log.says('those of before stay in force')
    t.equal(fields.errors, 1)
    t.ok(served.log.lines.some(({ level, fields }) => level === 'error' && fields.code === code))
    await isInForce(t, served, 7)
    put(served.site, await bundle({ serial: 9, keys: [one, two] }))
    await taken(served, 9)
  })
}

t.test('a damaged bundle, a folder and a missing file are refused', async t => {
  const served = await started(t, { serial: 7 })
  const codes = (): unknown[] => served.log.lines.map(({ fields }) => fields.code)
  const path = served.site.path('rules.bundle')
  const octets = Buffer.from(await bundle({ serial: 8 }))
  octets[octets.length - 20]! ^= 1
  put(served.site, octets)
  await eventually('damaged', () => codes().includes('BUNDLE_BROKEN'))
  const text = Buffer.from(await bundle({ serial: 8 })).toString('latin1')
  put(served.site, Buffer.from(text.replace('"serial":8', '"serial":9'), 'latin1'))
  await eventually('signed otherwise', () => codes().includes('BUNDLE_SIGNATURE'))
  rmSync(path)
  await eventually('missing', () => codes().includes('BUNDLE_UNREADABLE'))
  served.site.write('rules.bundle/networks.yaml', banning('folder.example'))
  await served.log.says('rules.bundle cannot be read: it is a folder')
  await isInForce(t, served, 7)
  t.notOk(await banned(served, 'folder.example'), 'a folder is no bundle')
})

t.test('the same bundle again is the same, and content alone is not a serial', async t => {
  const served = await started(t, { serial: 7 })
  put(served.site, await bundle({ serial: 7 }))
  await served.gateway.reload('SIGHUP')
  t.match(await served.log.says('unchanged'), { fields: { generation: 1 } })
  put(served.site, await bundle({ serial: 8, bans: 'n7.example' }))
  await taken(served, 8)
  t.equal(served.gateway.rules.generation, 2, 'records have the new serial')
})

/** Another gateway in the place of one that has ended, with what that left. */
async function restarted(t: Test, before: Rig, keep = true): Promise<Rig> {
  await before.gateway.stop()
  const files = Object.fromEntries(
    ['accepted.json', ...[6, 7, 8].map(serial => `${serial}.bundle`)]
      .map(name => `state/bundles/${name}`)
      .filter(name => before.site.has(name))
      .map(name => [name, before.site.octets(name)])
  )
  const next = await rig(t)
  for (const [name, octets] of Object.entries(files)) next.site.write(name, octets)
  if (keep) put(next.site, before.site.octets('rules.bundle'))
  return next
}

t.test('a start without the bundle, or with a bad one, serves the last good one', async t => {
  const first = await started(t, { serial: 7 })
  const second = await restarted(t, first, false)
  t.strictSame(await second.gateway.start(), [])
  await isInForce(t, second, 7)
  t.match(await second.log.says('those of before stay'), { fields: { reason: 'the start' } })
  t.ok(second.log.lines.some(({ fields }) => fields.code === 'BUNDLE_UNREADABLE'))
  put(second.site, await bundle({ serial: 6 }))
  await eventually('older', () =>
    second.log.lines.some(({ fields }) => fields.code === 'BUNDLE_OLDER')
  )
  const third = await restarted(t, second)
  t.strictSame(await third.gateway.start(), [], 'what was accepted is remembered')
  await isInForce(t, third, 7)
})

t.test('a first start without a good bundle: nothing is opened', async t => {
  for (const [offer, code] of [
    [undefined, 'BUNDLE_UNREADABLE'],
    [{ serial: 7, keys: [] }, 'BUNDLE_UNSIGNED'],
    [{ serial: 7, expires: -1 }, 'BUNDLE_EXPIRED']
  ] as const) {
    const { gateway } = await rig(t, offer)
    t.match(await gateway.start(), [{ code }])
  }
})

t.test('what is remembered is damaged: nothing is taken, and what is in force stays', async t => {
  const served = await started(t, { serial: 7 })
  served.site.write('state/bundles/accepted.json', '{}')
  put(served.site, await bundle({ serial: 8 }))
  await eventually('an error', () =>
    served.log.lines.some(({ fields }) => fields.code === 'BUNDLE_STATE')
  )
  await isInForce(t, served, 7)
  await served.gateway.stop()
  const next = await rig(t, { serial: 8 })
  next.site.write('state/bundles/accepted.json', '{}')
  t.match(await next.gateway.start(), [{ code: 'BUNDLE_STATE' }])
})

t.test('a bundle that cannot be remembered is not taken', async t => {
  const made = await rig(t, { serial: 7 })
  made.site.write('state/bundles', 'a file')
  t.match(await made.gateway.start(), [{ code: 'BUNDLE_STATE' }])
})

t.test('a bundle that is about to expire is told of', async t => {
  const first = await started(t, { serial: 7, expires: 3 })
  await first.log.says('expires at')
  t.match(
    first.log.lines.find(({ fields }) => fields.code === 'BUNDLE_ENDS'),
    { level: 'warn' }
  )
  await isInForce(t, first, 7)
})

t.test('records have the serial', async t => {
  const served = await started(t, { serial: 7 })
  t.ok(await banned(served, 'n7.example'))
  await eventually('a record', () => served.site.records().length > 0)
  const [record] = served.site.records()
  t.match(record, { serial: 7, sha256: served.gateway.rules.sha256.slice(0, 12) })
})

t.test('a file of a key that is replaced counts at once', async t => {
  const served = await started(
    t,
    { serial: 7 },
    {
      more: 'rules: { bundle: rules.bundle, keys: [office.pub] }',
      files: { 'office.pub': `${one.publicKey}\n` }
    }
  )
  served.site.write('office.pub', two.publicKey)
  put(served.site, await bundle({ serial: 8, keys: [one] }))
  await eventually('unsigned', () =>
    served.log.lines.some(({ fields }) => fields.code === 'BUNDLE_UNSIGNED')
  )
  put(served.site, await bundle({ serial: 8, keys: [two] }))
  await taken(served, 8)
  truncateSync(served.site.path('office.pub'), 5)
  await eventually('no key', () =>
    served.log.lines.some(({ fields }) => fields.code === 'BUNDLE_TRUST')
  )
  await isInForce(t, served, 8)
})

/** As `interdict rollback` says it. */
async function rollBack(rig: Rig, from: number, to: number): Promise<void> {
  const store = new AcceptedBundles(rig.site.path('state/bundles'))
  const at = new Date().toISOString()
  await store.rollBack((await store.read())!, { from, to, by: 'ops', at })
}

t.test('a rollback is in force at once, and over a restart', async t => {
  const served = await started(t, { serial: 7 })
  put(served.site, await bundle({ serial: 8 }))
  await taken(served, 8)
  await rollBack(served, 8, 7)
  await taken(served, 7)
  await isInForce(t, served, 7)
  const { fields, level } = await served.log.says('rolled back from bundle 8 to 7 by ops')
  t.match(
    { ...fields, level },
    { code: 'BUNDLE_ROLLED_BACK', from: 8, to: 7, by: 'ops', level: 'warn' }
  )
  put(served.site, await bundle({ serial: 8 }))
  await served.gateway.reload('SIGHUP')
  await isInForce(t, served, 7)
  t.equal(served.log.with('those of before stay').length, 0, 'it is no error')

  const next = await restarted(t, served)
  t.strictSame(await next.gateway.start(), [])
  await isInForce(t, next, 7)
  put(next.site, await bundle({ serial: 9 }))
  await taken(next, 9)
})

t.test('lists that the rules of a bundle fetch are fetched, and hold', async t => {
  const made = await rig(t)
  const { site } = made
  site.write('ads.txt', 'ad.example\n')
  const networks = `networks: { all: { prefixes: [127.0.0.0/8], block: [{ lists: [ads] }] } }
lists: { ads: { url: 'file://${site.path('ads.txt')}' } }
`
  put(site, await bundle({ serial: 7, files: { 'networks.yaml': networks } }))
  t.strictSame(await made.gateway.start(), [])
  t.ok(await banned(made, 'ad.example'))
  const { sha256, generation } = made.gateway.rules
  site.write('state/lists/ads', 'other.example\n')
  await eventually('the other copy', () => made.gateway.rules.generation > generation)
  t.ok(await banned(made, 'other.example'))
  t.equal(made.gateway.rules.bundle?.serial, 7)
  t.not(made.gateway.rules.sha256, sha256, 'it is over bundle and copies')
  site.write('rules.bundle', 'no bundle')
  await made.log.says('those of before stay in force')
  site.write('state/lists/ads', 'third.example\n')
  await eventually('a copy of the last good', () => banned(made, 'third.example'))
})
