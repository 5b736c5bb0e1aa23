import { truncateSync } from 'node:fs'
import t from 'tap'
import { nxdomain, TestPrimary } from '../sources/axfr/primary.js'
import { banned } from './banned.js'
import {
  bundle,
  isInForce,
  one,
  put,
  refused,
  rig,
  RULES,
  started,
  taken,
  two
} from './bundle-rig.js'
import { eventually } from './site.js'

t.test('a bundle that is about to expire is logged', async t => {
  const first = await started(t, { serial: 7, expires: 3 })
  await first.log.says('expires at')
  t.match(
    first.log.lines.find(({ fields }) => fields.code === 'BUNDLE_ENDS'),
    { level: 'warn' }
  )
  await isInForce(t, first, 7)
})

t.test('log records have the serial', async t => {
  const served = await started(t, { serial: 7 })
  t.ok(await banned(served, 'n7.example'))
  await eventually('a record', () => served.site.records().length > 0)
  const [record] = served.site.records()
  t.match(record, { serial: 7, sha256: served.gateway.rules.origin.sha256.slice(0, 12) })
})

t.test('a replaced key file is used at once', async t => {
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
  await refused(served, 'BUNDLE_UNSIGNED')
  put(served.site, await bundle({ serial: 8, keys: [two] }))
  await taken(served, 8)
  truncateSync(served.site.path('office.pub'), 5)
  await refused(served, 'BUNDLE_TRUST')
  await isInForce(t, served, 8)
})

t.test('lists with a URL in a bundle are downloaded, and active', async t => {
  const made = await rig(t)
  const { site } = made
  site.write('ads.txt', 'ad.example\n')
  const networks = `networks: { all: { prefixes: [127.0.0.0/8], block: [{ lists: [ads] }] } }
lists: { ads: { url: 'file://${site.path('ads.txt')}' } }
`
  put(site, await bundle({ serial: 7, files: { 'networks.yaml': networks } }))
  t.strictSame(await made.gateway.start(), [])
  t.ok(await banned(made, 'ad.example'))
  const { origin, generation } = made.gateway.rules
  site.write('state/lists/ads', 'other.example\n')
  await eventually('the other copy', () => made.gateway.rules.generation > generation)
  t.ok(await banned(made, 'other.example'))
  t.equal(made.gateway.rules.origin.bundle?.serial, 7)
  t.not(made.gateway.rules.origin.sha256, origin.sha256, 'it is over bundle and copies')
  site.write('rules.bundle', 'no bundle')
  await made.log.says('previous rules remain active')
  site.write('state/lists/ads', 'third.example\n')
  await eventually('a copy of the last good', () => banned(made, 'third.example'))
})

t.test('a zone transferred for the rules of a bundle is active, and kept', async t => {
  const primary = await TestPrimary.open(t, [{ serial: 1, policies: nxdomain('one.example') }])
  const networks = `networks: { all: { prefixes: [127.0.0.0/8], block: [{ lists: [rpz] }] } }
lists: { rpz: { transfer: rpz.example } }
`
  const more = `${RULES}
transfers: { max-time: 2s, primaries: { hq: { address: '127.0.0.1:${primary.port}' } } }`
  const offer = { serial: 7, files: { 'networks.yaml': networks } }
  const served = await started(t, offer, { more })
  t.ok(await banned(served, 'one.example'))
  t.equal(served.gateway.rules.origin.bundle?.serial, 7)
  put(served.site, await bundle({ ...offer, serial: 8 }))
  await taken(served, 8)
  t.ok(await banned(served, 'one.example'), 'the copy is for the newer bundle as well')
})
