import t from 'tap'
import { BAD, GOOD } from './bundle-kinds.js'
import { FleetModel, type Effect } from './fleet-model.js'

const HOUR = 60
/** Larger by hand: docs/internals/testing.md. */
const GATEWAYS = Number(process.env.FLEET_GATEWAYS ?? 60)
const FLEET = { gateways: GATEWAYS, canaries: Math.max(15, GATEWAYS / 10) }
/** Of the good bundles, so that several processes can share them. */
const SEED = Number(process.env.FLEET_SEED ?? 7)
/** Without the bad ones. */
const IS_GOOD_ONLY = process.env.FLEET_SEED !== undefined
const GOOD_BUNDLES = Number(process.env.FLEET_GOOD ?? GOOD.length)

/** A fleet in which a first bundle is done. */
async function done(model: FleetModel): Promise<FleetModel> {
  await model.until(() => false, 10)
  await model.publish(1, {}, { now: true })
  await model.until(() => model.all?.phase === 'done' && model.canary?.phase === 'done', 24 * HOUR)
  return model
}

for (const [i, { name, effect, foreseen }] of (IS_GOOD_ONLY ? [] : BAD).entries()) {
  if (effect === undefined) throw new Error(name)
  t.test(`a bad bundle stays with the canaries: ${name}`, async t => {
    const model = await done(new FleetModel(t, { ...FLEET, seed: 100 + i }))
    t.equal(model.all!.phase, 'done')
    await model.publish(2, effect, foreseen === undefined ? {} : { foreseen })
    const minutes = await model.until(() => model.canary!.phase !== 'soaking', 5 * HOUR)
    const { phase, why } = model.canary!
    t.not(phase, 'done', why ?? '')
    t.equal(model.all!.serial, 1)
    t.comment(`${phase} after ${minutes} min: ${why}`)
  })
}

t.test('good bundles reach all rings', async t => {
  const model = await done(new FleetModel(t, { ...FLEET, seed: SEED }))
  const start = process.cpuUsage()
  let halted = 0
  let last: Effect = {}
  let serial = 1
  for (let i = 0; i < GOOD_BUNDLES; i++) {
    const { name, effect = last, foreseen } = GOOD[i % GOOD.length]!
    last = effect
    serial++
    await model.publish(serial, effect, foreseen === undefined ? {} : { foreseen })
    await model.until(
      () =>
        model.canary!.phase === 'halted' ||
        model.all!.phase === 'halted' ||
        (model.all!.serial === serial && model.all!.phase === 'done'),
      10 * HOUR
    )
    const isDone = model.all!.serial === serial && model.all!.phase === 'done'
    if (isDone) continue
    halted++
    t.comment(
      `${serial} ${name}: ${model.canary!.phase} ${model.canary!.why}; ${model.all!.phase} ${model.all!.why}`
    )
    // Good rules again, since a bundle with such names is halted again.
    await model.publish(++serial, {}, { now: true })
    last = {}
    await model.until(
      () => model.all!.phase === 'done' && model.canary!.phase === 'done',
      10 * HOUR
    )
  }
  const { user, system } = process.cpuUsage(start)
  const seconds = Math.round((user + system) / 1e6)
  t.comment(`${halted} of ${GOOD_BUNDLES} good bundles halted; ${seconds} s of CPU`)
  t.ok(halted <= GOOD_BUNDLES / 500, `${halted} halted`)
})
