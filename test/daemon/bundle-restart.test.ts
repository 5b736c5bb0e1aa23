import t from 'tap'
import {
  bundle,
  isInForce,
  put,
  refused,
  restarted,
  rig,
  rollBack,
  started,
  taken
} from './bundle-rig.js'

t.test('a start without the bundle, or with an invalid one, serves the last good one', async t => {
  const first = await started(t, { serial: 7 })
  const second = await restarted(t, first, false)
  t.strictSame(await second.gateway.start(), [])
  await isInForce(t, second, 7)
  t.match(await second.log.says('previous rules remain active'), { fields: { reason: 'startup' } })
  t.ok(second.log.lines.some(({ fields }) => fields.code === 'BUNDLE_UNREADABLE'))
  put(second.site, await bundle({ serial: 6 }))
  await refused(second, 'BUNDLE_OLDER')
  const third = await restarted(t, second)
  t.strictSame(await third.gateway.start(), [], 'accepted serials are recorded')
  await isInForce(t, third, 7)
})

t.test('a first start without a valid bundle opens nothing', async t => {
  for (const [offer, code] of [
    [undefined, 'BUNDLE_UNREADABLE'],
    [{ serial: 7, keys: [] }, 'BUNDLE_UNSIGNED'],
    [{ serial: 7, expires: -1 }, 'BUNDLE_EXPIRED']
  ] as const) {
    const { gateway } = await rig(t, offer)
    t.match(await gateway.start(), [{ code }])
  }
})

t.test('damaged state: no bundle is accepted, and the active one remains', async t => {
  const served = await started(t, { serial: 7 })
  served.site.write('state/bundles/accepted.json', '{}')
  put(served.site, await bundle({ serial: 8 }))
  await refused(served, 'BUNDLE_STATE')
  await isInForce(t, served, 7)
  await served.gateway.stop()
  const next = await rig(t, { serial: 8 })
  next.site.write('state/bundles/accepted.json', '{}')
  t.match(await next.gateway.start(), [{ code: 'BUNDLE_STATE' }])
})

t.test('a bundle whose acceptance cannot be recorded is not activated', async t => {
  const made = await rig(t, { serial: 7 })
  made.site.write('state/bundles', 'a file')
  t.match(await made.gateway.start(), [{ code: 'BUNDLE_STATE' }])
})

t.test('a rollback is active at once, and after a restart', async t => {
  const served = await started(t, { serial: 7 })
  put(served.site, await bundle({ serial: 8 }))
  await taken(served, 8)
  rollBack(served, 8, 7)
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
  t.equal(served.log.with('previous rules remain active').length, 0, 'it is not an error')

  const next = await restarted(t, served)
  t.strictSame(await next.gateway.start(), [])
  await isInForce(t, next, 7)
  put(next.site, await bundle({ serial: 9 }))
  await taken(next, 9)
})
