import { createHash, createHmac } from 'node:crypto'
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { StateStore, type HubState, type PublishedBundle } from '../../src/fleet/hub/hub-state.js'
import type { StoredWatch } from '../../src/fleet/hub/judge/ring-watch.js'
import { Leadership } from '../../src/fleet/hub/pair/leadership.js'
import { registerSchema, sealed, unsealed } from '../../src/fleet/hub/pair/register.js'
import { MemoryLog } from '../daemon/serve.js'
import { Site } from '../daemon/site.js'
import { MemoryBucket, MemoryConnection } from './memory-bucket.js'

const seal = (text: string): string => createHmac('sha256', 'k').update(text).digest('hex')
const ACCOUNT = `A${'B'.repeat(55)}`
const OTHER_ACCOUNT = `A${'C'.repeat(55)}`

const WATCH: StoredWatch = {
  ...{
    version: 1,
    serial: 5,
    since: '2026-12-01T00:00:00.000Z',
    done: null,
    members: [],
    later: []
  },
  ...{ before: {}, networksBefore: {}, networks: {}, tallies: {} }
}

const bundleOf = (octets: Uint8Array): PublishedBundle => ({
  ...{ serial: 5, sha256: createHash('sha256').update(octets).digest('hex'), size: octets.length },
  ...{ file: '5-0123456789abcdef.bundle', published: '2026-12-01T00:00:00.000Z', by: 'test' },
  ...{ bans: [], forecast: null, rollback: null, root: 0, done: [] }
})

/** Two hubs, one bucket, and a clock that stands still. */
class Fleet {
  now = 1_000_000
  readonly bucket = new MemoryBucket(() => this.now)

  constructor(readonly t: Test) {}

  hub(name: string, folder = join(new Site(this.t, {}).folder, name)): HubRig {
    return new HubRig(this, name, folder)
  }

  /** Lets seconds pass, with a check of each hub in each of them. */
  async pass(seconds: number, ...hubs: HubRig[]): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.now += 1_000
      for (const { leadership } of hubs) await leadership.tick()
    }
  }

  /** Names of the hubs that may change something. */
  leaders(...hubs: HubRig[]): string[] {
    return hubs.filter(({ leadership }) => leadership.mayChange).map(({ name }) => name)
  }

  get register() {
    const { octets } = this.bucket.values.get('register')!
    return unsealed(Buffer.from(octets).toString(), registerSchema, seal)!
  }
}

class HubRig {
  readonly store: StateStore
  readonly log = new MemoryLog()
  readonly connection: MemoryConnection
  readonly leadership: Leadership
  readonly watches: Record<string, StoredWatch> = {}
  adopted: Readonly<Record<string, StoredWatch>> = {}
  led = 0

  constructor(
    fleet: Fleet,
    readonly name: string,
    readonly folder: string
  ) {
    const { log } = this
    this.connection = new MemoryConnection(fleet.bucket)
    this.store = new StateStore(folder)
    this.leadership = new Leadership({
      ...{ name, store: this.store, seal, log, watches: () => this.watches },
      clock: { now: () => fleet.now, wall: () => fleet.now },
      onAdopted: (_previous, watches) => {
        this.adopted = watches
      },
      onBundles: () => undefined,
      onLead: () => {
        this.led++
      }
    })
  }

  connect(): Promise<void> {
    return this.leadership.connected(this.connection)
  }

  async change(what: string, more: Partial<HubState> = {}): Promise<void> {
    this.store.update({ ...more, events: this.store.event(this.name, what) })
    await this.leadership.commit()
  }

  get events(): string[] {
    return this.store.state.events.map(({ what }) => what)
  }

  revoke(account: string): Partial<HubState> {
    return { revocations: { ...this.store.state.revocations, [account]: 1_000 } }
  }
}

/** A leads, and B follows. */
async function pair(t: Test) {
  const fleet = new Fleet(t)
  const [a, b] = [fleet.hub('a'), fleet.hub('b')]
  await a.connect()
  await b.connect()
  await fleet.pass(6, a, b)
  t.strictSame(fleet.leaders(a, b), ['a'])
  t.strictSame(b.store.state.hubs, ['a', 'b'])
  return { fleet, a, b }
}

t.test('the first hub leads at once, the other one follows and refuses changes', async t => {
  const { fleet, a, b } = await pair(t)
  const octets = Buffer.from('a bundle')
  a.store.store('5-0123456789abcdef.bundle', octets)
  a.watches.canary = WATCH
  await a.change('published', { bundles: [bundleOf(octets)] })
  await fleet.pass(2, a, b)
  t.strictSame(b.events, ['published'])
  t.same(await b.store.load(b.store.state.bundles[0]!), octets)
  t.strictSame(b.adopted, { canary: WATCH })
  t.throws(() => b.store.update({}), { code: 'HUB_STANDBY', message: /a leads the fleet/ })
  await t.rejects(b.leadership.commit(), { code: 'HUB_STANDBY' })
  t.match(b.leadership.status, { role: 'standby', leader: 'a', name: 'b' })
  t.equal(b.led, 0)
})

t.test('a hub that stops hands over at once, one that dies after its lease', async t => {
  const { fleet, a, b } = await pair(t)
  await a.change('one')
  await a.leadership.close()
  await fleet.pass(1, b)
  t.strictSame(fleet.leaders(b), ['b'])
  t.strictSame(b.events, ['one'])
  const again = fleet.hub('a', a.folder)
  await again.connect()
  t.strictSame(fleet.leaders(again, b), ['b'])
  // B dies.
  await fleet.pass(7, again)
  t.strictSame(fleet.leaders(again), [])
  await fleet.pass(2, again)
  t.strictSame(fleet.leaders(again), ['a'])
})

t.test(
  'a hub that was stopped and goes on cannot write, and drops what it had not stored',
  async t => {
    const { fleet, a, b } = await pair(t)
    await a.change('stored')
    await fleet.pass(1, a, b)
    a.store.update({ events: a.store.event('a', 'not stored'), ...a.revoke(ACCOUNT) })
    await fleet.pass(9, b)
    t.strictSame(fleet.leaders(a, b), ['b'], 'A knows from its clock that its lease has expired')
    await b.change('of b')
    t.throws(() => a.store.update({}), { code: 'HUB_STANDBY' })
    await fleet.pass(6, a, b)
    t.strictSame(fleet.leaders(a, b), ['b'])
    t.match(a.log.with('dropped'), [{ fields: { code: 'HUB_DROPPED' } }])
    t.match(readFileSync(join(a.folder, 'state.previous.json'), 'utf8'), /not stored/)
    for (const { events } of [a, b]) {
      t.ok(events.includes('of b'))
      t.notOk(events.includes('not stored'))
    }
    t.equal(b.store.state.revocations[ACCOUNT], 1_000, 'but a revocation is never lost')
    t.equal(a.led, 1)
  }
)

t.test('the leader names a hub that it has not seen for two minutes', async t => {
  const { fleet, a, b } = await pair(t)
  await fleet.pass(130, a, b)
  t.strictSame(a.leadership.status.missing, [])
  await fleet.pass(110, a)
  t.strictSame(a.leadership.status.missing, [], 'it may be restarting')
  await fleet.pass(50, a)
  t.strictSame(a.leadership.status.missing, ['b'])
  await fleet.pass(10, a, b)
  t.strictSame(a.leadership.status.missing, [])
  await fleet.pass(200, b)
  t.strictSame(fleet.leaders(b), ['b'])
  t.strictSame(b.leadership.status.missing, ['a'], 'the one that led before')
})

t.test('a hub that is cut off stops changing things before the other one begins', async t => {
  const { fleet, a, b } = await pair(t)
  a.connection.isCut = true
  for (let second = 0; second < 20; second++) {
    await fleet.pass(1, a, b)
    t.ok(fleet.leaders(a, b).length <= 1)
  }
  t.strictSame(fleet.leaders(a, b), ['b'])
  await t.rejects(async () => a.change('x'), { code: 'HUB_STANDBY' })
  a.connection.isCut = false
  await fleet.pass(2, a, b)
  t.match(a.leadership.status, { role: 'standby', leader: 'b' })
})

t.test('a lost confirmation of NATS is no reason to give up the lead', async t => {
  const { fleet, a, b } = await pair(t)
  a.connection.isDeaf = true
  a.store.update({ events: a.store.event('a', 'one') })
  await t.rejects(a.leadership.commit(), { code: 'HUB_NATS' })
  a.connection.isDeaf = false
  await a.change('two')
  await fleet.pass(2, a, b)
  t.strictSame(b.events, ['one', 'two'])
  t.equal(a.led, 1)
})

t.test(
  'an emptied NATS gets the state of the last leader, an older copy never replaces it',
  async t => {
    const { fleet, a, b } = await pair(t)
    const old = new Map(fleet.bucket.values)
    await a.change('two', a.revoke(ACCOUNT))
    await fleet.pass(2, a, b)
    for (const contents of [new Map<never, never>(), old]) {
      const { epoch } = fleet.register
      fleet.bucket.values.clear()
      for (const [key, value] of contents) fleet.bucket.values.set(key, value)
      await fleet.pass(7, b, a)
      t.strictSame(fleet.leaders(a, b), ['a'])
      t.ok(fleet.register.epoch >= epoch)
      for (const { events } of [a, b]) t.strictSame(events, ['two'])
      t.equal(b.store.state.revocations[ACCOUNT], 1_000)
    }
    t.match(a.log.with('changed by others'), [{ level: 'error' }])
    // Both restart, and find an old copy.
    const { epoch } = fleet.register
    fleet.bucket.values.clear()
    for (const [key, value] of old) fleet.bucket.values.set(key, value)
    const [c, d] = [fleet.hub('a', a.folder), fleet.hub('b', b.folder)]
    await d.connect()
    await c.connect()
    await fleet.pass(2, c, d)
    t.strictSame(fleet.leaders(c, d), ['a'])
    t.ok(fleet.register.epoch > epoch)
    t.strictSame(d.events, ['two'])
  }
)

t.test('what others write into the bucket is not believed', async t => {
  const { fleet, a, b } = await pair(t)
  await a.change('one')
  await fleet.pass(1, a, b)
  const forged = { ...fleet.register, epoch: 99, holder: 'evil' }
  fleet.bucket.put(
    'register',
    sealed(forged, text => `${text}x`)
  )
  fleet.bucket.put(
    'member.evil',
    sealed({ name: 'evil', revocations: { [ACCOUNT]: 1 } }, () => 'x')
  )
  await fleet.pass(7, b, a)
  t.strictSame(fleet.leaders(a, b), ['a'])
  t.equal(fleet.register.holder, 'a')
  t.strictSame(a.store.state.hubs, ['a', 'b'])
  t.strictSame(a.store.state.revocations, {})
  for (const key of [...fleet.bucket.values.keys()].filter(key => key.startsWith('blob.')))
    fleet.bucket.put(key, 'foreign')
  await a.change('two')
  await fleet.pass(7, a, b)
  t.strictSame(b.events, ['one', 'two'])
})

t.test('a restored backup gets what happened since from NATS', async t => {
  const fleet = new Fleet(t)
  const a = fleet.hub('a')
  await a.connect()
  await a.change('one')
  const backup = join(a.folder, '../backup')
  cpSync(a.folder, backup, { recursive: true })
  await a.change('two', a.revoke(OTHER_ACCOUNT))
  const restored = fleet.hub('a', backup)
  await restored.connect()
  t.strictSame(fleet.leaders(restored), ['a'])
  t.strictSame(restored.events, ['one', 'two'])
  t.equal(restored.store.state.revocations[OTHER_ACCOUNT], 1_000)
})

t.test('a hub alone works without NATS, and imports its state at the first connection', async t => {
  const fleet = new Fleet(t)
  const a = fleet.hub('a')
  await a.change('without NATS')
  t.equal(a.leadership.status.role, 'unknown')
  await a.connect()
  t.equal(fleet.register.holder, 'a')
  a.leadership.disconnected()
  await a.change('disconnected')
  await a.connect()
  t.equal(fleet.register.number, a.store.state.number)
  t.strictSame(a.events, ['without NATS', 'disconnected'])
})

t.test('a second hub with a state of its own gets that of the first, and keeps a copy', async t => {
  const fleet = new Fleet(t)
  const [a, b] = [fleet.hub('a'), fleet.hub('b')]
  await b.change('of b')
  await a.change('of a')
  await a.connect()
  await b.connect()
  t.strictSame(b.events, ['of a'])
  t.match(b.log.with('dropped'), [{ fields: { code: 'HUB_DROPPED' } }])
  t.ok(existsSync(join(b.folder, 'state.previous.json')))
})

t.test('two hubs with one name are noticed, and one of them leads', async t => {
  const fleet = new Fleet(t)
  const [a, twin] = [fleet.hub('a'), fleet.hub('a')]
  await a.connect()
  await fleet.pass(2, a)
  await twin.connect()
  await fleet.pass(10, a, twin)
  t.match(
    [...a.log.with('another hub with the name'), ...twin.log.with('another hub with')],
    [{ fields: { code: 'HUB_TWIN' } }]
  )
  t.equal([a, twin].filter(({ leadership }) => leadership.isLeader).length, 1)
})
