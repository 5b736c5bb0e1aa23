import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ServiceManager } from '../../src/gateway/control/service-manager.js'
import type { Status } from '../../src/gateway/status/status.js'
import { loadSystem } from '../../src/base/system/linux.js'
import { rememberingLog } from '../querylog/record/events.js'
import { receiveNotifications, socketFolder } from '../udp/notify-receiver.js'
import { eventually } from './site.js'

const READY = 'STATUS=ready: networks 2, rules 3, workers 1'
const GOOD = {
  rules: {
    generation: 1,
    networks: 2,
    rules: 3,
    reload: null,
    waiting: null,
    tests: { passed: 0, failed: 0, undecided: 0, first: [] },
    reloadStuckSince: null,
    ...{ shrunkLists: [], removedBans: [] },
    mandates: { mandates: [], shortfalls: 0, later: 0, first: [], problems: [] },
    bundle: null
  },
  settings: null,
  workers: [{ number: 0, state: 'listening', since: null, restarts: 0, generation: 1 }],
  silent: [],
  upstreams: [{ address: '192.0.2.1', state: 'up', isDefault: true, networks: [], loopsFor: [] }],
  history: { incompleteSince: null, error: null },
  witness: null,
  remoteLists: [],
  certificates: [],
  alerts: [],
  reports: [],
  catalogue: null,
  observation: null,
  fleet: null,
  probe: null,
  zones: [],
  recorder: { writable: true, misplaced: false, keyError: null, outputs: [] },
  enforcement: { against: [], byOrder: [], more: 0 },
  readyRequires: [],
  slowTransport: null,
  slowTls: null,
  archive: null
} as unknown as Status
const isAvailable = typeof loadSystem() !== 'string'

/** A service manager, and a gateway in the state `status`. */
function managed(t: Test, watchdog: NodeJS.ProcessEnv = {}) {
  const path = join(socketFolder(t), 'notify')
  const receiver = receiveNotifications(path)
  const log = rememberingLog()
  const gateway = { status: Promise.resolve(GOOD) }
  const env = { NOTIFY_SOCKET: path, ...watchdog }
  const status = () => gateway.status
  const manager = new ServiceManager({ env, status, log })
  t.teardown(() => {
    manager.stopping(0)
    receiver.close()
  })
  return { manager, gateway, log, states: () => receiver.states() }
}

t.test('the main process is another one', { skip: !isAvailable }, async t => {
  const { manager, states } = managed(t)
  manager.replacedBy(4711)
  await eventually('a state', () => states().length > 0)
  t.strictSame(states(), [['MAINPID=4711']])
})

t.test('ready, reloading, stopping', { skip: !isAvailable }, async t => {
  const { manager, states, gateway } = managed(t)
  await manager.ready()
  let end: () => void = () => undefined
  const before = process.hrtime.bigint() / 1000n
  const reloads = [
    manager.reloading(new Promise(resolve => (end = resolve))),
    manager.reloading(Promise.resolve())
  ]
  await reloads[1]
  t.strictSame(
    states().map(([first]) => first),
    ['READY=1', 'RELOADING=1', 'RELOADING=1'],
    'not ready before both reloads have ended'
  )
  t.ok(BigInt(states()[1]![1]!.slice('MONOTONIC_USEC='.length)) >= before)
  gateway.status = Promise.resolve({ ...GOOD, silent: [0], recorder: null })
  end()
  await reloads[0]
  manager.stopping(7_500)
  t.strictSame(
    [states()[0], ...states().slice(3)],
    [
      ['READY=1', READY],
      ['READY=1', 'STATUS=not ready: worker 0 does not respond (and 1 more)'],
      ['STOPPING=1', 'STATUS=stopping', 'EXTEND_TIMEOUT_USEC=7500000']
    ]
  )
  const late = manager.reloading(Promise.resolve())
  await late
  t.equal(states().at(-1)![0], 'RELOADING=1', 'a reload does not make it ready again')
})

t.test('the watchdog is notified while the workers respond', { skip: !isAvailable }, async t => {
  const watchdog = { WATCHDOG_USEC: '20000', WATCHDOG_PID: String(process.pid) }
  const { manager, states, gateway, log } = managed(t, watchdog)
  await manager.ready()
  await eventually('a sign of life', () => states().some(([first]) => first === 'WATCHDOG=1'))
  for (const bad of [{ silent: [0] }, { workers: [{ ...GOOD.workers[0]!, state: 'dead' }] }]) {
    gateway.status = Promise.resolve({ ...GOOD, ...(bad as Partial<Status>) })
    await eventually('a bad state', () => states().at(-1)![0]!.startsWith('STATUS=not ready'))
    const count = states().length
    await eventually('another', () => states().length > count + 1)
    const late = states().slice(count)
    t.notOk(late.some(([first]) => first === 'WATCHDOG=1'))
    t.match(log.told.at(-1), { code: 'WATCHDOG_WITHHELD' })
    gateway.status = Promise.resolve(GOOD)
    await eventually('well again', () => states().at(-1)![0] === 'WATCHDOG=1')
  }
})

t.test('a stop during a check ends the checks', { skip: !isAvailable }, async t => {
  const { manager, states, gateway } = managed(t, { WATCHDOG_USEC: '2000' })
  await manager.ready()
  let reply: (status: Status) => void = () => undefined
  let isAsked = false
  Object.defineProperty(gateway, 'status', {
    get: () => {
      isAsked = true
      return new Promise<Status>(resolve => (reply = resolve))
    }
  })
  await eventually('a check', () => isAsked)
  manager.stopping(0)
  reply(GOOD)
  await new Promise(setImmediate)
  t.equal(states().at(-1)![0], 'STOPPING=1')
  isAsked = false
  await new Promise(resolve => setTimeout(resolve, 20))
  t.notOk(isAsked, 'no further check')
})

t.test('the watchdog of another process is not ours', { skip: !isAvailable }, async t => {
  const { manager, states } = managed(t, { WATCHDOG_USEC: '2000', WATCHDOG_PID: '1' })
  await manager.ready()
  await new Promise(resolve => setTimeout(resolve, 20))
  t.strictSame(states(), [['READY=1', READY]])
})

t.test('without a service manager nothing happens, and a bad one is logged', async t => {
  const log = rememberingLog()
  const status = () => Promise.reject(new Error('not asked'))
  const none = new ServiceManager({ env: {}, status, log })
  await none.ready()
  await none.reloading(Promise.resolve())
  none.stopping(0)
  t.strictSame(log.told, [])
  const bad = new ServiceManager({ env: { NOTIFY_SOCKET: 'vsock:2' }, status, log })
  await bad.ready()
  t.match(log.told, [{ code: 'NOTIFY_FAILED' }])
})
