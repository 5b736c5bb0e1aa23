import { rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { banned } from './banned.js'
import {
  bundle,
  isInForce,
  one,
  put,
  refused,
  RULES_OF_TWO,
  started,
  stranger,
  taken,
  two,
  type Offer
} from './bundle-rig.js'
import { banning } from './site.js'

t.test('a newer bundle is active as soon as it is there', async t => {
  const served = await started(t, { serial: 7 })
  await isInForce(t, served, 7)
  put(served.site, await bundle({ serial: 8 }))
  await taken(served, 8)
  await isInForce(t, served, 8)
  t.notOk(await banned(served, 'n7.example'))
  t.match(await served.log.says('rules reloaded'), { fields: { serial: 8 } })
  t.equal(served.gateway.rules.generation, 2, 'it was read once')
})

t.test('a bundle that is written in place is accepted when complete', async t => {
  const served = await started(t, { serial: 7 })
  const octets = await bundle({ serial: 8 })
  const path = served.site.path('rules.bundle')
  for (const end of [10, 100, octets.length - 1]) {
    writeFileSync(path, octets.subarray(0, end))
    await served.gateway.reload('file changed')
    await isInForce(t, served, 7)
  }
  writeFileSync(path, octets)
  await taken(served, 8)
})

/** One after the other, to one gateway: each error differs from the previous one. */
const refusals: readonly (Offer & { it: string; code: string })[] = [
  { it: 'is not signed', serial: 8, keys: [], code: 'BUNDLE_UNSIGNED' },
  { it: 'one of two signed', serial: 8, keys: [one], code: 'BUNDLE_UNSIGNED' },
  { it: 'somebody else signed', serial: 8, keys: [stranger], code: 'BUNDLE_UNSIGNED' },
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

t.test('a bundle is rejected, and the last good one stays active, if', async t => {
  const setting = { more: RULES_OF_TWO }
  const served = await started(t, { serial: 7, keys: [one, two] }, setting)
  for (const { it, code, ...offer } of refusals) {
    const before = served.log.with('previous rules remain active').length
    put(served.site, await bundle({ keys: [one, two], ...offer }))
    await served.log.says('previous rules remain active', before + 1)
    const codes = served.log.lines.filter(({ level }) => level === 'error')
    t.equal(codes.at(-2)?.fields.code, code, `it ${it}`)
    await isInForce(t, served, 7)
  }
  put(served.site, await bundle({ serial: 9, keys: [one, two] }))
  await taken(served, 9)
})

t.test('a damaged bundle, a folder and a missing file are rejected', async t => {
  const served = await started(t, { serial: 7 })
  const path = served.site.path('rules.bundle')
  const octets = Buffer.from(await bundle({ serial: 8 }))
  octets[octets.length - 20]! ^= 1
  put(served.site, octets)
  await refused(served, 'BUNDLE_BROKEN')
  const text = Buffer.from(await bundle({ serial: 8 })).toString('latin1')
  put(served.site, Buffer.from(text.replace('"serial":8', '"serial":9'), 'latin1'))
  await refused(served, 'BUNDLE_SIGNATURE')
  rmSync(path)
  await refused(served, 'BUNDLE_UNREADABLE')
  served.site.write('rules.bundle/networks.yaml', banning('folder.example'))
  await served.log.says('rules.bundle: it is a folder')
  await isInForce(t, served, 7)
  t.notOk(await banned(served, 'folder.example'), 'a folder is not a bundle')
})

t.test('the same bundle again changes nothing, and new content needs a new serial', async t => {
  const served = await started(t, { serial: 7 })
  put(served.site, await bundle({ serial: 7 }))
  await served.gateway.reload('SIGHUP')
  t.match(await served.log.says('unchanged'), { fields: { generation: 1 } })
  put(served.site, await bundle({ serial: 8, bans: 'n7.example' }))
  await taken(served, 8)
  t.equal(served.gateway.rules.generation, 2, 'records have the new serial')
})
