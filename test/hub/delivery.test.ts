import { join } from 'node:path'
import t from 'tap'
import { failure } from '../../src/base/errors/error.js'
import { Delivery } from '../../src/fleet/hub/delivery.js'
import { StateStore } from '../../src/fleet/hub/hub-state.js'
import type { HubStreams, StreamContents } from '../../src/fleet/hub/hub-streams.js'
import { MemoryLog } from '../daemon/serve.js'
import { Site } from '../daemon/site.js'

/** NATS as far as a delivery uses it: values of rings. */
class Rings {
  readonly values = new Map<string, string>()
  /** Deletions of everything. */
  recreated = 0
  readonly isConnected = true
  /** What it is asked is done, but no reply arrives. */
  isHanging = false

  async streams<T>(act: (streams: HubStreams) => Promise<T>): Promise<T> {
    if (this.isHanging) throw failure('HUB_NATS', 'timeout')
    const want = (ring: string, value: string): Promise<void> => {
      this.values.set(ring, value)
      return Promise.resolve()
    }
    return act({ want, keepBundles: () => Promise.resolve() } as unknown as HubStreams)
  }

  differences({ rings }: StreamContents): Promise<string[]> {
    const found = [...rings].filter(([ring, { values, isNeeded }]) => {
      const value = this.values.get(ring)
      return value === undefined ? isNeeded : !values.includes(value)
    })
    return Promise.resolve(found.map(([ring]) => `ring ${ring}`))
  }

  recreateStreams(): Promise<void> {
    this.recreated++
    this.values.clear()
    return this.isHanging ? Promise.reject(failure('HUB_NATS', 'timeout')) : Promise.resolve()
  }
}

t.test('a restore that NATS interrupts is completed, not repeated', async t => {
  let now = 100_000
  const nats = new Rings()
  const log = new MemoryLog()
  const store = new StateStore(join(new Site(t, {}).folder, 'hub'))
  const wanted = { version: 1, serial: 5, sha256: 'a', size: 1, file: 'f', at: '' } as const
  const delivery = new Delivery({
    ...{ store, nats, log, clock: { now: () => now, wall: () => now } },
    rollouts: { wanted: () => new Map([['all', wanted]]) }
  })
  await delivery.deliver()
  const value = nats.values.get('all')!
  nats.values.set('all', 'foreign')
  nats.isHanging = true
  now += 60_000
  for (let second = 0; second < 5; second++) await delivery.check()
  t.equal(nats.recreated, 1)
  t.ok(delivery.problem, 'not ready meanwhile')
  nats.isHanging = false
  now += 60_000
  await delivery.check()
  t.equal(nats.values.get('all'), value)
  t.equal(nats.recreated, 1)
  t.equal(delivery.problem, undefined)
  t.equal(store.state.events.length, 1, 'one event for one alteration')
})
