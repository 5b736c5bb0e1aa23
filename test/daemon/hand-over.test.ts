import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageVersion } from '../../src/base/package.js'
import { AdminInterface } from '../../src/gateway/socket/admin-interface.js'
import { HAND_OVER_VARIABLE, type FromSuccessor } from '../../src/gateway/hand-over/hand-over.js'
import { Predecessor, type ChildSide } from '../../src/gateway/hand-over/predecessor.js'
import { startReplacement } from '../../src/gateway/hand-over/successor.js'
import { Upgrade } from '../../src/gateway/hand-over/upgrade.js'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import type { ListeningSocket } from '../../src/wire/sockets/listening-sockets.js'
import { duplicated } from '../udp/inherited.js'
import { sendAdminRequest } from '../../src/gateway/socket/admin-client.js'
import { askMany, askUdp } from './dns-client.js'
import { withHealth } from '../../src/gateway/status/health.js'
import { banning, eventually } from './site.js'
import { kinds, MemoryLog, Rig, serving, type Setting } from './serve.js'
import { place, position } from './admin-rig.js'

const at = (port: number, fd = 0): ListeningSocket => ({
  ...{ protocol: 'udp', address: '127.0.0.1', port, fd }
})

/** Both ends of the channel between a gateway and the process that replaces it. */
class Channel extends EventEmitter {
  /** Of the new process, not of the shell that starts it. */
  readonly pid = 4711
  readonly env: NodeJS.ProcessEnv = { [HAND_OVER_VARIABLE]: '1' }
  readonly offers: object[] = []
  readonly child = new EventEmitter() as EventEmitter & ChildSide
  killed: string | undefined
  readonly started = { child: this as unknown as ChildProcess, isShell: true }

  constructor() {
    super()
    const send = (message: FromSuccessor): boolean => this.emit('message', message)
    Object.assign(this.child, { env: this.env, send })
  }

  send(offer: object): boolean {
    this.offers.push(offer)
    return this.child.emit('message', JSON.parse(JSON.stringify(offer)))
  }

  kill(signal: string): void {
    this.killed = signal
    this.emit('exit')
  }

  /** As the shell and the new process do. */
  listen(version: string): void {
    this.emit('message', { kind: 'started', pid: this.pid })
    this.emit('message', { kind: 'listening', version })
  }
}

const SECRETS = [Uint8Array.of(1, 2, 255)]
const KEY = Uint8Array.of(3, 0, 254)
const INHERITANCE = {
  sockets: [at(53, 17), at(54, 18)],
  ...{ cookieSecrets: SECRETS, ticketKey: KEY, rulesSha256: 'abc' }
}
const never = new AbortController().signal

t.test('a process gets sockets and secrets, and ends the one before', async t => {
  const channel = new Channel()
  const connecting = Predecessor.of(channel.child)
  const fds: number[] = []
  const replacing = startReplacement(INHERITANCE, never, wanted => {
    fds.push(...wanted)
    return channel.started
  })
  t.strictSame(fds, [17, 18])
  const predecessor = (await connecting)!
  t.strictSame(channel.env, {}, 'processes that it starts are not told')
  t.equal(predecessor.version, packageVersion())
  t.strictSame(predecessor.cookieSecrets, SECRETS)
  t.strictSame(predecessor.ticketKey, KEY)
  t.equal(predecessor.rulesSha256, 'abc')
  const any = { address: '127.0.0.1', port: 0 }
  t.strictSame(predecessor.find(any, []), { address: '127.0.0.1', port: 53 })
  t.strictSame(predecessor.find(any, [at(53)]), { address: '127.0.0.1', port: 54 })
  t.equal(predecessor.find(any, [at(53), at(54)]), undefined)
  t.equal(predecessor.find({ address: '127.0.0.2', port: 53 }, []), undefined)
  t.strictSame(predecessor.take([at(53), at(54)]), [at(53, 4), at(54, 5)])

  channel.emit('message', { kind: 'started', pid: channel.pid })
  const replaced = predecessor.replace()
  t.strictSame(await replacing, { pid: channel.pid, version: packageVersion() })
  t.equal(channel.killed, 'SIGKILL', 'the shell in between has ended')
  channel.child.emit('disconnect')
  await replaced
})

t.test('without a service manager there is no shell in between', async t => {
  const channel = new Channel()
  const started = { ...channel.started, isShell: false }
  const replacing = startReplacement(INHERITANCE, never, () => started)
  channel.emit('message', { kind: 'listening', version: '9.9.9' })
  t.strictSame(await replacing, { pid: channel.pid, version: '9.9.9' })
  t.equal(channel.killed, undefined)
  const failing = startReplacement(INHERITANCE, never, () => started)
  channel.emit('close', 1, null)
  await t.rejects(failing, { code: 'UPGRADE_FAILED' })
  t.equal(channel.killed, 'SIGKILL')
})

t.test('a process that nobody started for this replaces none', async t => {
  t.equal(await Predecessor.of(Object.assign(new EventEmitter(), { env: {} })), undefined)
})

t.test('a process whose predecessor ends too early says so', async t => {
  const early = new Channel()
  const connecting = Predecessor.of(early.child)
  early.child.emit('disconnect')
  await t.rejects(connecting, { code: 'UPGRADE_ABANDONED' })

  const later = new Channel()
  const connected = Predecessor.of(later.child)
  later.send({ protocol: 1, version: '1.0.0', sockets: [], cookieSecrets: null, ticketKey: null })
  const predecessor = await connected
  t.equal(predecessor!.ticketKey, undefined)
  later.child.emit('disconnect')
  t.match(await predecessor!.abandoned, { code: 'UPGRADE_ABANDONED' })
})

t.test('an offer of another protocol is refused', async t => {
  const channel = new Channel()
  const connecting = Predecessor.of(channel.child)
  channel.send({ protocol: 2, version: '9.0.0' })
  await t.rejects(connecting, { code: 'UPGRADE_PROTOCOL', message: /9\.0\.0/ })
})

const FAILURES: Readonly<Record<string, (channel: Channel) => void>> = {
  'ended with SIGSEGV': channel => channel.emit('close', null, 'SIGSEGV'),
  'ended with SIGBUS': channel => channel.emit('close', 128 + constants.signals.SIGBUS, null),
  'exit code 1': channel => channel.emit('close', 1, null),
  'spawn ENOENT': channel => channel.emit('error', new Error('spawn ENOENT')),
  'no rules; 1 error': channel => {
    for (const reason of ['no rules', '1 error'])
      channel.emit('message', { kind: 'failed', reason })
    channel.emit('close', 1, null)
  }
}

t.test('a process that does not start is killed, and the reason is known', async t => {
  for (const [why, fail] of Object.entries(FAILURES)) {
    const channel = new Channel()
    const replacing = startReplacement(INHERITANCE, never, () => channel.started)
    fail(channel)
    await t.rejects(replacing, { code: 'UPGRADE_FAILED', message: new RegExp(why) })
    t.equal(channel.killed, 'SIGTERM')
  }
  const slow = new Channel()
  await t.rejects(
    startReplacement(INHERITANCE, never, () => slow.started, 1),
    {
      message: /not ready within/
    }
  )
  const noFiles = (): never => {
    throw new Error('spawn EMFILE')
  }
  await t.rejects(startReplacement(INHERITANCE, never, noFiles), { message: /EMFILE/ })
})

const idle = (): Promise<never> => Promise.reject(new Error('not asked for'))
const upgradeWith = (channel: Channel, more: object = {}): Upgrade =>
  new Upgrade({
    ...{ transport: { kind: 'batch' }, log: new MemoryLog(), pid: 7 },
    inheritance: () => Promise.resolve(INHERITANCE),
    start: () => channel.started,
    ...more
  })

t.test('an upgrade needs batch sockets, and a process that may end', async t => {
  const portable = upgradeWith(new Channel(), { transport: { kind: 'portable' } })
  await t.rejects(portable.run(), { code: 'UPGRADE_UNAVAILABLE' })
  await t.rejects(upgradeWith(new Channel(), { pid: 1 }).run(), { code: 'UPGRADE_UNAVAILABLE' })
  const unit = upgradeWith(new Channel(), { env: { SYSTEMD_EXEC_PID: '7' } })
  await t.rejects(unit.run(), { code: 'UPGRADE_UNAVAILABLE', message: /Type=notify/ })
})

t.test('one upgrade at a time; after one that failed, another may follow', async t => {
  const channel = new Channel()
  const upgrade = upgradeWith(channel)
  const running = upgrade.run()
  await t.rejects(upgrade.run(), { code: 'UPGRADE_RUNNING' })
  await sleep(0)
  channel.emit('close', 1, null)
  await t.rejects(running, { code: 'UPGRADE_FAILED' })
  const again = upgrade.run()
  await sleep(0)
  channel.listen('9.9.9')
  const to = { pid: channel.pid, version: '9.9.9' }
  t.strictSame(await again, { from: { pid: 7, version: packageVersion() }, to })
  t.strictSame(await upgrade.replaced, to)
})

t.test('a gateway that stops ends its upgrade', async t => {
  const channel = new Channel()
  const upgrade = upgradeWith(channel)
  const running = upgrade.run()
  await sleep(0)
  upgrade.abort()
  await t.rejects(running, { message: /stopping/ })
  t.equal(channel.killed, 'SIGTERM')
  await t.rejects(upgrade.run(), { code: 'UPGRADE_UNAVAILABLE' })
})

t.test('a gateway within another process cannot be upgraded', async t => {
  const path = place(t)
  const admin = new AdminInterface({
    ...{ socket: { paths: [path], position }, log: new MemoryLog() },
    status: () => Promise.reject(new Error('not asked for')),
    workerPool: { request: () => Promise.resolve([]) },
    operations: {
      ...{ reload: idle, rotate: idle, pause: idle, rulesInForce: idle, apply: idle },
      pushBindings: idle,
      fetchDenied: idle,
      confirm: () => ({ id: '', entries: 0 })
    },
    cache: { flush: () => Promise.resolve(0) }
  })
  t.strictSame(await admin.open(), [])
  t.teardown(() => admin.close())
  const reply = await sendAdminRequest(path, { do: 'upgrade' }, 30_000)
  t.match(reply, { ok: false, code: 'UPGRADE_UNAVAILABLE' })
})

if (kinds.includes('batch')) {
  /** The gateway that replaces another one of this process. */
  async function replacementOf(t: Test, rig: Rig, setting: Setting): Promise<Rig> {
    const { sockets, cookieSecrets, ticketKey, rulesSha256 } = await rig.gateway.inheritance()
    const inherited = duplicated(sockets)
    return serving(t, {
      ...setting,
      listen: [`127.0.0.1:${rig.at.port}`],
      predecessor: {
        ...{ cookieSecrets, ticketKey, rulesSha256 },
        find: endpoint => endpoint,
        take: () => inherited,
        replace: () => rig.gateway.stop(true).then(() => undefined)
      }
    })
  }

  const predecessorOf = (rulesSha256: string | undefined): Setting['predecessor'] => ({
    ...{ cookieSecrets: undefined, ticketKey: undefined, rulesSha256 },
    ...{ find: endpoint => endpoint, take: () => [] },
    replace: () => Promise.reject(new Error('not reached'))
  })

  t.test('another gateway takes over the sockets, with fewer workers or with more', async t => {
    const first = await serving(t, { transport: 'batch', workers: 2 })
    const { cookieSecrets } = await first.gateway.inheritance()
    // Queries all the time, while gateways change.
    const end = new AbortController()
    const wrong: unknown[] = []
    const asking = (async () => {
      while (!end.signal.aborted) {
        const { rcode } = await askUdp(first.at, 'banned.example')
        if (rcode !== 'NXDOMAIN') wrong.push(rcode)
        await sleep(2)
      }
    })()
    const second = await replacementOf(t, first, { transport: 'batch', workers: 1 })
    t.equal((await second.gateway.inheritance()).sockets.length, 4, 'UDP and TCP, twice')
    const more = 'admin: { socket: /dev/null }'
    const third = await replacementOf(t, second, { transport: 'batch', workers: 3, more })
    end.abort()
    await asking
    t.strictSame(wrong, [])
    await askMany(third.at, 'banned.example', 24)
    const last = await third.gateway.inheritance()
    t.equal(last.sockets.length, 6)
    t.strictSame(last.cookieSecrets, cookieSecrets, 'cookies stay valid')
    // What cannot be opened at the end is no reason to stop.
    t.match(third.log.with('admin socket'), [{ level: 'error', fields: { code: 'ADMIN_SOCKET' } }])

    await third.threads.kill('worker')
    await t.rejects(third.gateway.inheritance(), { code: 'UPGRADE_UNAVAILABLE' })
    await third.log.says('worker restarted')
  })

  t.test('rules with errors do not prevent a replacement: those in force remain', async t => {
    const first = await serving(t, { transport: 'batch' })
    await eventually('the history of rules', () => first.site.has('state/history/000001.jsonl'))
    const invalid: Setting = {
      transport: 'batch',
      files: { 'rules/networks.yaml': 'networks: 1' },
      more: `state: { folder: '${first.site.path('state')}' }`
    }
    const { rulesSha256 } = await first.gateway.inheritance()
    const other = new Rig(t, { ...invalid, predecessor: predecessorOf('0'.repeat(64)) })
    t.match(
      await other.gateway.start(),
      [{ code: 'DOCUMENT_INVALID' }],
      'other rules are not in force'
    )
    const none = new Rig(t, { ...invalid, predecessor: predecessorOf(undefined) })
    t.match(
      await none.gateway.start(),
      [{ code: 'DOCUMENT_INVALID' }],
      'an older version names none'
    )

    const second = await replacementOf(t, first, invalid)
    t.equal((await askUdp(second.at, 'banned.example')).rcode, 'NXDOMAIN')
    t.equal(second.gateway.rules.origin.sha256, rulesSha256)
    const { health } = withHealth(await second.gateway.status())
    t.ok(health.problems.some(({ code }) => code === 'RULES_REFUSED'))
    t.equal(health.states.policy, false)
    second.site.write('rules/networks.yaml', banning('other.example'))
    await second.generation(2)
    t.equal((await askUdp(second.at, 'other.example')).rcode, 'NXDOMAIN')
  })

  t.test('a gateway that cannot take over says why', async t => {
    const first = await serving(t, { transport: 'batch' })
    const wrong = (): readonly ListeningSocket[] => [{ ...first.at, protocol: 'udp', fd: 9999 }]
    const predecessor = {
      ...{
        cookieSecrets: undefined,
        ticketKey: undefined,
        rulesSha256: undefined,
        find: (endpoint: Endpoint) => endpoint,
        take: wrong
      },
      replace: () => Promise.reject(new Error('not reached'))
    }
    const listen = [`127.0.0.1:${first.at.port}`]
    const other = new Rig(t, { transport: 'batch', listen, predecessor })
    t.match(await other.gateway.start(), [{ code: 'SOCKET_BIND' }])
    const taken = { ...predecessor, find: () => undefined }
    const next = new Rig(t, { transport: 'batch', listen, predecessor: taken })
    t.match(await next.gateway.start(), [{ code: 'SOCKET_BIND' }])
  })
}
