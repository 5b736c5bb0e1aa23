import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Config } from '../../src/gateway/config/config.js'
import { FleetHandle } from '../../src/fleet/agent/fleet-handle.js'
import type { StatusReply } from '../../src/gateway/status/health.js'
import type { FleetInit, FromFleet, ToFleet } from '../../src/fleet/agent/fleet-messages.js'
import type { StartThread, ThreadHandlers } from '../../src/base/threads/thread.js'
import type { CountedRules } from '../../src/gateway/workers/rule-counters.js'
import { NO_STATE, type ChannelState } from '../../src/fleet/channel/channel-state.js'
import { reportSchema, type Report } from '../../src/fleet/channel/wire.js'
import {
  allocateCounters,
  COUNTER,
  COUNTERS,
  PROTOCOLS
} from '../../src/resolver/context/lookup-counters.js'
import { FakeTime } from '../upstream/fake-time.js'
import { STATUS } from './api/services.js'
import { MemoryLog } from './serve.js'
import { Site } from './site.js'

const FLEET = {
  ...{ name: 'site-17', ring: 'canary', report: 10_000 },
  ...{ nats: undefined, pull: undefined, reports: undefined },
  position: { file: '', line: 1, column: 1 }
}

function rig(t: Test, status: () => Promise<StatusReply> = () => Promise.resolve(STATUS)) {
  const folder = new Site(t, {}).folder
  const time = new FakeTime()
  const log = new MemoryLog()
  const started: { readonly init: FleetInit; readonly handlers: ThreadHandlers<FromFleet> }[] = []
  const reports: Report[] = []
  const requests: Extract<ToFleet, { id: number }>[] = []
  let ended = 0
  const startThread: StartThread = (_file, init, handlers) => {
    started.push({
      init: init as FleetInit,
      handlers: handlers as unknown as ThreadHandlers<FromFleet>
    })
    return {
      send: message => {
        const sent = message as ToFleet
        if ('report' in sent) reports.push(sent.report)
        else requests.push(sent)
      },
      end: () => {
        ended++
        return Promise.resolve()
      }
    }
  }
  const counters = allocateCounters(COUNTERS)
  const { timers, clock } = time
  const newlyBlocked = (): Promise<undefined> => Promise.resolve(undefined)
  const handle = new FleetHandle({
    ...{ startThread, log, status, counters, newlyBlocked, timers, clock }
  })
  const config = (fleet: Config['fleet']): Config =>
    ({
      fleet,
      rules: join(folder, 'rules.bundle'),
      bundle: { keys: [], keyFiles: [], signatures: 1 },
      state: { folder },
      log: { queries: { path: join(folder, 'queries.jsonl') } }
    }) as unknown as Config
  const say = (state: Partial<ChannelState>): void =>
    started.at(-1)!.handlers.message({ kind: 'state', state: { ...NO_STATE, ...state } })
  /** Lets time pass, and what it started end. */
  const pass = async (by: number): Promise<void> => {
    time.advance(by)
    await new Promise(resolve => setImmediate(resolve))
  }
  const bootstrap = { servers: [], domains: [] }
  const configure = (fleet: Config['fleet']): void => handle.configure(config(fleet), bootstrap)
  return {
    handle,
    configure,
    started,
    reports,
    requests,
    say,
    pass,
    log,
    counters,
    folder,
    ended: () => ended
  }
}

const wanted = { serial: 18, sha256: 'x', at: 'y' }

t.test('without a fleet there is no thread', async t => {
  const { handle, configure, started } = rig(t)
  configure(undefined)
  await handle.fetchFirst()
  handle.start()
  t.equal(handle.status, null)
  t.equal(started.length, 0)
  handle.close()
})

t.test('it reports while connected, at intervals and at once after a change', async t => {
  const probed = { lastGood: '2026-01-02T03:04:05.000Z', failing: 1 }
  const deviation = { kind: 'pause', code: 'BLOCK_PAUSED', subject: 'office/games' }
  const enforcement = { ...STATUS.enforcement, against: [deviation] }
  const status = { ...STATUS, probe: probed, enforcement } as unknown as StatusReply
  const { handle, configure, reports, say, pass, counters } = rig(t, () => Promise.resolve(status))
  configure(FLEET)
  handle.start()
  await pass(50)
  t.equal(reports.length, 0, 'not connected')
  const fixed = new Float64Array(counters)
  fixed[COUNTER.durationSum] = 30
  fixed[COUNTER.durations + 1] = 6
  fixed[COUNTER.responses + 2] = 4
  fixed[COUNTER.shelved + 2] = 1
  say({ connected: true, server: 's', wanted, contact: 0 })
  await pass(50)
  t.match(reports, [
    {
      ...{ gateway: 'site-17', ring: 'canary', number: 1, wanted: 18, paused: ['office/games'] },
      probe: { good: probed.lastGood, failing: 1 },
      counters: { lookups: 0, blocked: 0, servfail: 5, durationSum: 30, responses: 6 }
    }
  ])
  t.ok(reportSchema.safeParse(reports[0]).success)
  const all = new Float64Array(allocateCounters(2 * PROTOCOLS + 2).byteLength / 8)
  all[0] = 100
  all[2 * PROTOCOLS] = 7
  const layout = {
    classes: 2,
    claims: 0,
    blockedAt: 2 * PROTOCOLS,
    claimsAt: all.length,
    size: all.length
  }
  const shared = allocateCounters(all.length)
  new Float64Array(shared).set(all)
  const rules = { networks: ['a'], networkOf: [0, -1], series: [], seriesOf: new Uint32Array() }
  const carried = allocateCounters(2 * PROTOCOLS + 2)
  handle.setRules({ ...rules, layout, counters: shared, carried } as unknown as CountedRules)
  await pass(10_000)
  t.match(reports.at(-1), { number: 2, counters: { lookups: 100, blocked: 7 } })
  handle.onChange()
  await pass(50)
  t.equal(reports.length, 3)
  say({ connected: true, server: 's', wanted, contact: 0 })
  await pass(50)
  t.equal(reports.length, 3, 'nothing has changed')
  const error = { code: 'BUNDLE_UNSIGNED', message: 'no' }
  say({ connected: true, server: 's', wanted, error })
  await pass(50)
  t.match(reports.at(-1), { number: 4, refused: error })
  t.match(handle.status, { name: 'site-17', connected: true, wanted: 18, error })
  handle.close()
  await pass(60_000)
  t.equal(reports.length, 4)
})

t.test('a bundle that the gateway itself refused is reported with the reason', async t => {
  const reload = { at: '', reason: 'retry', outcome: 'refused', errors: 1 } as const
  const first = [{ code: 'RULES_X', message: 'y'.repeat(1000) }] as never
  const status = { ...STATUS, rules: { ...STATUS.rules, reload: { ...reload, first } } }
  const { handle, configure, reports, say, pass } = rig(t, () => Promise.resolve(status))
  configure(FLEET)
  handle.start()
  say({ connected: true, wanted })
  await pass(50)
  t.match(reports[0]!.refused, { code: 'RULES_X', message: /^y{500}$/ })
  handle.close()
})

t.test('a status that fails is logged, and the next report follows', async t => {
  let fails = true
  const status = (): Promise<StatusReply> =>
    fails ? Promise.reject(new Error('busy')) : Promise.resolve(STATUS)
  const { handle, configure, reports, say, pass, log } = rig(t, status)
  configure(FLEET)
  handle.start()
  say({ connected: true })
  await pass(50)
  t.match(log.with('not reported'), [{ fields: { error: 'busy' } }])
  fails = false
  await pass(10_000)
  t.equal(reports.length, 1)
  handle.close()
})

t.test('the thread is restarted when it dies, and with other settings', async t => {
  const { handle, configure, started, say, pass, log, ended } = rig(t)
  configure(FLEET)
  handle.start()
  say({ connected: true })
  started[0]!.handlers.exited(new Error('crash'))
  t.match(log.with('fleet thread died'), [{ fields: { error: 'crash' } }])
  t.match(handle.status, { connected: false, logs: null })
  await pass(50)
  t.equal(started.length, 2)
  configure(FLEET)
  t.equal(started.length, 2, 'the same settings')
  configure({ ...FLEET, ring: 'all' })
  t.match(started.at(-1), { init: { fleet: { ring: 'all' } } })
  t.equal(ended(), 1)
  const logs = { to: 'nats', s3: undefined, rate: 1, keepUntilConfirmed: false, live: false }
  configure({ ...FLEET, logs })
  const nothing = {
    waiting: 0,
    waitingSince: null,
    sent: 0,
    lastSent: null,
    failed: 0,
    error: null
  }
  t.match(handle.status, { logs: nothing })
  const waiting = { files: 2, octets: 3000, since: 0 }
  const shipped = { waiting, confirmed: 4, last: 1000, failed: 5, error: null }
  started.at(-1)!.handlers.message({ kind: 'logs', logs: shipped })
  const [first, second] = ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.000Z']
  const shown = { waiting: 2, waitingOctets: 3000, waitingSince: first, sent: 4, lastSent: second }
  t.match(handle.status, { logs: { ...shown, failed: 5 } })
  configure(undefined)
  t.equal(handle.status, null)
  started[0]!.handlers.message({ kind: 'log', level: 'info', fields: {}, message: 'hello' })
  t.equal(log.with('hello').length, 1)
  handle.close()
})

t.test('the first start waits for a bundle, but not for ever', async t => {
  const { handle, configure, started, say, pass, folder } = rig(t)
  configure(FLEET)
  let isDone = false
  const first = handle.fetchFirst().then(() => (isDone = true))
  say({ connected: true, wanted })
  await pass(50)
  t.equal(isDone, false)
  say({ connected: true, wanted, offered: 18 })
  await first
  handle.start()
  t.equal(started.length, 1, 'the same thread')
  handle.close()

  const other = rig(t)
  other.configure(FLEET)
  const waiting = other.handle.fetchFirst()
  await other.pass(30_000)
  await waiting
  other.handle.close()

  mkdirSync(join(folder, 'bundles'))
  const third = rig(t)
  third.configure(FLEET)
  mkdirSync(join(third.folder, 'bundles'), { recursive: true })
  await third.handle.fetchFirst()
  t.equal(third.started.length, 0, 'a bundle was accepted before')
})

t.test(
  'asks the hub to sign a line of the query log, and waits no longer than half a minute',
  async t => {
    const { handle, configure, started, requests, pass } = rig(t)
    const line = { n: 3, sha256: 'ab'.repeat(32), time: '' }
    await t.rejects(handle.countersign(line), /not connected/)
    configure(FLEET)
    handle.start()
    const { handlers } = started.at(-1)!
    const signed = handle.countersign(line)
    const refused = handle.countersign(line)
    const forgotten = handle.countersign(line)
    t.match(requests, [{ countersign: { n: 3 } }, {}, {}])
    const [one, two] = requests.map(({ id }) => id)
    handlers.message({ kind: 'countersigned', id: one!, reply: { at: 'now', signature: 'x' } })
    handlers.message({
      kind: 'countersigned',
      id: two!,
      reply: 'the hub refused: too many requests'
    })
    t.strictSame(await signed, { at: 'now', signature: 'x' })
    await t.rejects(refused, /too many requests/)
    const late = t.rejects(forgotten, /no reply within 30 s/)
    await pass(30_000)
    await late
    handle.close()
  }
)
