import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import {
  CatalogueUpdater,
  checkRun,
  type CatalogueRun
} from '../../src/gateway/catalogue/catalogue-updater.js'
import { FakeTime } from '../upstream/fake-time.js'
import { MemoryLog } from './serve.js'

const HOUR = 3_600_000
const KEY = 'MCowBQYDK2VwAyEAlBiJbKejoZ0RBVx5tlGAojDgbd+OILjUIAuoIvCz7xI='
const inForce = { version: '1', serial: 1, expires: '2030-01-01T00:00:00Z' }
const error = { code: 'REMOTE_FETCH', message: 'no route' }
const good: CatalogueRun = { result: 'updated', inForce, error: null }
const bad: CatalogueRun = { result: 'failed', inForce, error }

function configOf(interval: string) {
  const text = `catalogue: { url: 'https://c.example/a', keys: ['${KEY}'], interval: ${interval} }`
  const read = readConfig(text, '/x/interdict.yaml')
  if (!read.ok) throw new Error('settings')
  return read.config
}

t.test('updates at each interval, retries sooner, and logs each reason once', async t => {
  const time = new FakeTime()
  const log = new MemoryLog()
  const results = [good, bad, bad, new Error('killed'), good]
  let runs = 0
  const updater = new CatalogueUpdater({
    ...{ log, program: '', timers: time.timers, wall: () => time.clock.wall() },
    run: () => {
      const result = results[runs++]!
      return result instanceof Error ? Promise.reject(result) : Promise.resolve(result)
    }
  })
  const settle = () => new Promise(resolve => setImmediate(resolve))
  const pass = async (after: number): Promise<void> => {
    time.advance(after)
    await settle()
  }
  updater.update(configOf('off'))
  updater.start()
  t.equal(updater.status, null, 'off: nothing is known')
  updater.update(configOf('6h'))
  await pass(20_000)
  t.match(updater.status, { inForce: { serial: 1 }, error: null })
  await pass(HOUR)
  t.equal(runs, 1)
  await pass(5 * HOUR)
  t.match(updater.status, { inForce: { serial: 1 }, error })
  await pass(600_000)
  await pass(600_000)
  t.match(updater.status, { error: { code: 'CATALOGUE_RUN' }, inForce: { serial: 1 } })
  await pass(600_000)
  t.match(updater.status, { error: null })
  t.equal(log.with('no route').length, 1)
  await updater.close()
  await pass(24 * HOUR)
  t.equal(runs, 5)
})

t.test('validates what the process returns', t => {
  t.equal(checkRun(good), good)
  for (const wrong of [undefined, {}, { ...good, result: 'x' }, { ...good, inForce: {} }, 3])
    t.throws(() => checkRun(wrong), { code: 'API_COMMAND' })
  t.end()
})
