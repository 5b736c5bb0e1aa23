import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import type { ZoneUpdated } from '../../src/sources/refresh/zone-refresher.js'
import { ZoneTransfers } from '../../src/sources/refresh/zone-transfers.js'
import type { TransferInit } from '../../src/sources/refresh/refresh-messages.js'
import type { StartThread, ThreadHandlers } from '../../src/base/threads/thread.js'
import { readName } from '../../src/wire/dns/name/name.js'
import type { TransferList } from '../../src/policy/rules/lists/transfer-list.js'
import type { ZoneUpdate } from '../../src/sources/axfr/update-zone.js'
import { ZoneCopies } from '../../src/sources/axfr/zone-copies.js'
import { FakeTime } from '../upstream/fake-time.js'
import { MemoryLog } from './serve.js'
import { eventually } from './site.js'

const NOWHERE = { file: 'networks.yaml', line: 1, column: 1 }
const SECOND = 1000
const BAD = { code: 'TRANSFER_CONNECT', message: 'it is away' }

interface Started {
  readonly start: TransferInit
  /** Ends it, with what it has to say. */
  readonly end: (update?: ZoneUpdate) => void
}

/** Zones on a fake clock, whose threads a test controls. */
class World {
  readonly time = new FakeTime()
  readonly log = new MemoryLog()
  readonly started: Started[] = []
  readonly taken: ZoneUpdated[] = []
  readonly zones: ZoneTransfers
  private readonly copies: ZoneCopies
  private readonly folder = mkdtempSync(join(tmpdir(), 'interdict-zones-'))

  constructor(t: Test) {
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }))
    this.copies = new ZoneCopies(this.folder)
    const text =
      'transfers: { primaries: { p1: { address: 192.0.2.1 }, p2: { address: 192.0.2.2 } } }'
    const read = readConfig(text, '/x/interdict.yaml')
    if (!read.ok) throw read.errors[0]!
    const startThread: StartThread = (_file, start, handlers) => {
      this.started.push({
        start: start as TransferInit,
        end: update => {
          if (update !== undefined) (handlers as ThreadHandlers<ZoneUpdate>).message(update)
          handlers.exited(undefined)
        }
      })
      return { send: () => undefined, end: () => Promise.resolve() }
    }
    this.zones = new ZoneTransfers({
      startThread,
      copiesFolder: this.folder,
      settings: read.config.transfers,
      log: this.log,
      timers: this.time.timers,
      clock: this.time.clock,
      random: () => 0,
      onUpdate: update => this.taken.push(update),
      setNotifySources: () => undefined
    })
    t.teardown(() => this.zones.close())
  }

  list(id = 'rpz'): TransferList {
    const zone = `${id}.example`
    const where = { primaries: undefined, position: NOWHERE }
    const limits = { maxSize: 1_000_000, mayBeEmpty: false, hasCopy: true }
    return { id, zone, name: readName(zone), ...where, ...limits }
  }

  /** What a thread would leave behind. */
  async remember(failures: number, id = 'rpz'): Promise<void> {
    const now = new Date(this.time.clock.wall()).toISOString()
    const soa = { serial: 1, refresh: 3600, retry: 600, expire: 86_400, minimum: 60 }
    const about = { primary: 'p1', sha256: '', entries: 1, unread: 0, taken: now }
    const zone = `${id}.example`
    const record = { zone, tried: now, refreshed: now, failures, copy: { ...soa, ...about } }
    await this.copies.replace(id, Buffer.from('x'), record)
  }

  async run(count: number): Promise<Started> {
    await eventually(`thread ${count}`, () => this.started.length >= count)
    return this.started[count - 1]!
  }

  /** Waits until a timer is set. */
  async waits(): Promise<void> {
    await eventually('a timer', () => this.time.waiting > 0)
  }

  asked(count: number): readonly string[] {
    return this.started[count - 1]!.start.job.primaries.map(({ id }) => id)
  }
}

const unchanged = (bad: readonly string[] = []): ZoneUpdate => {
  const told = bad.map(primary => ({ primary, ...BAD }))
  return { kind: 'unchanged', id: 'rpz', serial: 1, bad: told }
}

t.test(
  'primaries are queried after the refresh interval, and after a failure after the retry interval',
  async t => {
    const world = new World(t)
    await world.zones.reloadKeys()
    world.zones.setZones([world.list()])
    const first = await world.run(1)
    await world.remember(0)
    first.end(unchanged())
    await world.waits()
    world.time.advance(3599 * SECOND)
    t.equal(world.started.length, 1)
    world.time.advance(SECOND)
    const second = await world.run(2)
    await world.remember(1)
    second.end({ kind: 'failed', id: 'rpz', bad: [], trouble: BAD, isRecorded: true })
    await world.waits()
    t.equal(world.log.with('the previous copy remains active').length, 1)
    world.time.advance(599 * SECOND)
    t.equal(world.started.length, 2)
    world.time.advance(SECOND)
    await world.run(3)
  }
)

t.test('after NOTIFY its sender is queried first, at once', async t => {
  const world = new World(t)
  await world.remember(0)
  await world.zones.reloadKeys()
  world.zones.setZones([world.list()])
  await world.waits()
  world.zones.onNotify('rpz.example', 'p2')
  const first = await world.run(1)
  t.strictSame(world.asked(1), ['p2', 'p1'])
  t.equal(first.start.job.isNotified, true)
  world.zones.onNotify('other.example', 'p2')
  world.zones.onNotify('rpz.example', 'p1')
  world.zones.onNotify('rpz.example', 'p1')
  t.equal(world.started.length, 1, 'one at a time')
  const kept = { serial: 2, primary: 'p2', from: 'ixfr', changes: 1, entries: 1 } as const
  first.end({ kind: 'taken', id: 'rpz', bad: [], delta: undefined, ...kept })
  t.match(world.taken, [{ serial: 2 }])
  await world.run(2)
  t.strictSame(world.asked(2), ['p1', 'p2'], 'several NOTIFY during a refresh cause one more')
})

t.test('NOTIFY without anything new is acted on once a second', async t => {
  const world = new World(t)
  await world.remember(0)
  await world.zones.reloadKeys()
  world.zones.setZones([world.list()])
  await world.waits()
  world.zones.onNotify('rpz.example', 'p1')
  const first = await world.run(1)
  first.end(unchanged())
  for (let i = 0; i < 100; i++) world.zones.onNotify('rpz.example', 'p1')
  world.time.advance(999)
  t.equal(world.started.length, 1)
  world.time.advance(1)
  await world.run(2)
})

t.test('a failed primary is skipped for a minute, doubled each time', async t => {
  const world = new World(t)
  await world.zones.reloadKeys()
  world.zones.setZones([world.list()])
  const first = await world.run(1)
  await world.remember(0)
  first.end(unchanged(['p1']))
  t.match(world.log.with('it is away'), [{ level: 'warn', fields: { primary: 'p1' } }])
  let count = 1
  const again = async (): Promise<readonly string[]> => {
    world.time.advance(2 * SECOND)
    world.zones.onNotify('rpz.example', 'p2')
    await world.run(++count)
    return world.asked(count)
  }
  t.strictSame(await again(), ['p2'])
  world.started[1]!.end(unchanged())
  world.time.advance(60 * SECOND)
  t.strictSame(await again(), ['p2', 'p1'])
  world.started[2]!.end(unchanged(['p1']))
  world.time.advance(60 * SECOND)
  t.strictSame(await again(), ['p2'], 'two minutes now')
  world.started[3]!.end(unchanged(['p2']))
  t.strictSame(await again(), ['p2'], 'a primary that notifies is queried whatever happened before')
})

t.test('if all have failed, all are tried', async t => {
  const world = new World(t)
  await world.zones.reloadKeys()
  world.zones.setZones([world.list()])
  const first = await world.run(1)
  await world.remember(1)
  const bad = ['p1', 'p2'].map(primary => ({ primary, ...BAD }))
  first.end({ kind: 'failed', id: 'rpz', bad, trouble: BAD, isRecorded: true })
  await world.waits()
  world.time.advance(30 * SECOND)
  world.zones.setZones([world.list()])
  world.time.advance(600 * SECOND)
  await world.run(2)
  t.strictSame(world.asked(2), ['p1', 'p2'])
})

t.test('a zone whose failure cannot be recorded is not transferred over and over', async t => {
  const world = new World(t)
  await world.zones.reloadKeys()
  world.zones.setZones([world.list()])
  const first = await world.run(1)
  first.end({ kind: 'failed', id: 'rpz', bad: [], trouble: BAD, isRecorded: false })
  await world.waits()
  t.match(await world.zones.status(), [{ failures: 1 }])
  world.zones.onNotify('rpz.example', 'p1')
  world.time.advance(59 * SECOND)
  t.equal(world.started.length, 1)
  world.time.advance(SECOND)
  const second = await world.run(2)
  await world.remember(0)
  second.end(unchanged())
  await world.waits()
  t.match(await world.zones.status(), [{ failures: 0 }])
})

t.test('at most four zones at once, the others later', async t => {
  const world = new World(t)
  await world.zones.reloadKeys()
  const lists = ['a', 'b', 'c', 'd', 'e', 'f'].map(id => world.list(id))
  world.zones.setZones(lists)
  await world.run(4)
  // Each zone first reads what was saved about it: which four come first is not fixed.
  const ids = new Set(world.started.map(({ start }) => start.job.list.id))
  const [removed, ...later] = lists.filter(({ id }) => !ids.has(id))
  world.zones.setZones(lists.filter(list => list !== removed))
  t.equal(world.started.length, 4)
  const first = world.started[0]!
  await world.remember(0, first.start.job.list.id)
  first.end(unchanged())
  await world.run(5)
  t.equal(world.started[4]!.start.job.list.id, later[0]!.id, 'not the one that was removed')
})
