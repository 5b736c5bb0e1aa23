import t, { type Test } from 'tap'
import { FleetModel, type Effect } from './fleet-model.js'

const HOUR = 60
const TOO_WIDE: Effect = { blocks: { offices: 0.1, phones: 0.1, guests: 0.1, servers: 0.1 } }

const isSettled = (model: FleetModel) => (): boolean => model.canary!.phase !== 'soaking'

/** A fleet whose first bundle is done in all rings. */
async function fleet(t: Test): Promise<FleetModel> {
  const model = new FleetModel(t, { gateways: 60, canaries: 15, seed: 11 })
  await model.until(() => false, 6 * HOUR)
  await model.publish(1, {}, { now: true })
  await model.until(() => model.canary!.phase === 'done' && model.all!.phase === 'done', 24 * HOUR)
  return model
}

t.test('a second bad bundle is measured against the last that was done', async t => {
  const model = await fleet(t)
  await model.publish(2, TOO_WIDE)
  await model.until(isSettled(model), 5 * HOUR)
  t.match(model.canary, { phase: 'halted', done: 1 })
  await model.publish(3, TOO_WIDE)
  await model.until(isSettled(model), 5 * HOUR)
  t.match(model.canary, { serial: 3, phase: 'halted', done: 1 })
  t.equal(model.all!.serial, 1)
  await model.publish(4, {})
  await model.until(() => model.all!.serial === 4, 5 * HOUR)
  t.match(model.all, { serial: 4 }, 'a good one after them is promoted')
})

t.test('a hub that restarts during a soak goes on from the stored state', async t => {
  const model = await fleet(t)
  await model.publish(2, TOO_WIDE)
  await model.until(() => false, 2)
  model.restartHub()
  await model.until(isSettled(model), 5 * HOUR)
  t.match(model.canary, { phase: 'halted', why: /blocked/ })
  t.equal(model.all!.serial, 1)
})

t.test('without its stored counts a hub leaves the decision to a person', async t => {
  const model = await fleet(t)
  await model.publish(2, {})
  await model.until(() => false, 2)
  model.loseCounts()
  await model.until(isSettled(model), 5 * HOUR)
  t.match(model.canary, { phase: 'soaking', why: /nothing to compare with/ })
  t.equal(model.all!.serial, 1)
})

t.test('canaries that die do not make a bundle look good', async t => {
  const model = await fleet(t)
  await model.publish(2, { kills: 0.5 })
  await model.until(isSettled(model), 5 * HOUR)
  t.match(model.canary, { phase: 'halted', why: /of 15 gateways silent/ })
  t.equal(model.all!.serial, 1)
})
