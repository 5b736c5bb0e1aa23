import { existsSync, lstatSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { sendAdminRequest, sendToFirst } from '../../src/gateway/socket/admin-client.js'
import { AdminInterface } from '../../src/gateway/socket/admin-interface.js'
import type { AdminReply, FlushResult } from '../../src/gateway/socket/admin-protocol.js'
import type { WorkerResponse } from '../../src/gateway/workers/worker-pool.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { place, position } from './admin-rig.js'
import { askMany, askUdp } from './dns-client.js'
import { kinds, MemoryLog, Rig, serving } from './serve.js'

const more = 'admin: { socket: admin.sock }'
/** Longer than any test here takes. */
const LONG = 30_000

function flush(path: string, name: string, subtree: boolean): Promise<AdminReply<FlushResult>> {
  return sendAdminRequest<FlushResult>(path, { do: 'flush', name, subtree }, LONG)
}

for (const transport of kinds) {
  t.test(
    `${transport}: a flush empties the cache of all workers, which query the upstream again`,
    async t => {
      const upstream = await BadUpstream.open(good(1))
      t.teardown(() => upstream.close())
      const { endpoint } = upstream
      const rig = await serving(t, { transport, workers: 2, upstream: endpoint, more })
      const path = rig.site.path('admin.sock')
      // Workers are chosen by a hash of the port: that all of 48 clients reach one is practically impossible.
      const asked = async (name: string): Promise<number> => {
        const before = upstream.seen.length
        await askUdp(rig.at, name)
        await askMany(rig.at, name, 48)
        return upstream.seen.length - before
      }
      t.equal(await asked('www.example'), 1, 'one worker, for all')
      t.equal(await asked('a.www.example'), 1)
      t.equal(await asked('www.example'), 0, 'it is cached')

      const dropped = (count: number) => ({ ok: true, result: { dropped: count, silent: [] } })
      t.strictSame(await flush(path, 'WWW.example.', false), dropped(1))
      t.equal(await asked('www.example'), 1, 'and the upstream is queried again')
      t.equal(await asked('a.www.example'), 0)
      t.strictSame(await flush(path, 'example', true), dropped(2))
      t.equal(await asked('a.www.example'), 1)
      t.strictSame(await flush(path, '.', true), dropped(1))
      t.strictSame(await flush(path, '.', true), dropped(0))
      t.match(rig.log.with('cache flushed')[0], {
        level: 'info',
        fields: { name: 'WWW.example.', subtree: false, dropped: 1 }
      })
      await rig.gateway.stop()
      t.notOk(existsSync(path), 'at the end it is removed')
    }
  )
}

t.test('a restarted worker is included', async t => {
  const rig = await serving(t, { workers: 1, more })
  await rig.threads.kill('worker')
  await rig.log.says('worker restarted')
  await askUdp(rig.at, 'www.example')
  const reply = await flush(rig.site.path('admin.sock'), '.', true)
  t.strictSame(reply, { ok: true, result: { dropped: 1, silent: [] } }, 'the failure')
})

const refused = (): Promise<never> => Promise.reject(new Error('not asked for'))
const NO_OPERATIONS = {
  ...{ reload: refused, rotate: refused, pause: refused, rulesInForce: refused, apply: refused },
  pushBindings: refused,
  fetchDenied: refused,
  confirm: () => {
    throw new Error('not asked for')
  }
}

t.test('a worker that times out is named, one that died is not', async t => {
  const path = place(t)
  const log = new MemoryLog()
  const responses: WorkerResponse<'clear-shelf'>[] = [
    { worker: 0, reply: { cleared: true } },
    { worker: 1, reply: 'timeout' },
    { worker: 2, reply: 'exited' }
  ]
  const admin = new AdminInterface({
    socket: { paths: [path], position },
    log,
    status: () => Promise.reject(new Error('not asked for')),
    operations: NO_OPERATIONS,
    workerPool: { request: () => Promise.resolve(responses as never) },
    cache: { flush: () => Promise.resolve(3) }
  })
  t.strictSame(await admin.open(), [])
  t.teardown(() => admin.close())
  t.strictSame(await flush(path, 'www.example', false), {
    ok: true,
    result: { dropped: 3, silent: [1] }
  })
})

t.test(
  'if the socket cannot be opened, the gateway does not start and removes nothing',
  async t => {
    const rig = new Rig(t, { more: 'admin: { socket: rules }' })
    t.match(await rig.gateway.start(), [
      {
        code: 'ADMIN_SOCKET',
        message: /interdict\.yaml:\d+:18: .*rules: the path exists and is not a socket/
      }
    ])
    t.ok(existsSync(rig.site.path('rules/networks.yaml')))
    await t.rejects(askUdp(rig.at, 'banned.example', { patience: 200 }), 'no worker listens')
  }
)

t.test('the group of the gateway gets the status, and nothing else', async t => {
  const rig = await serving(t, { more })
  const path = rig.site.path('status.sock')
  t.equal(lstatSync(path).mode & 0o777, 0o660)
  t.match(await sendAdminRequest(path, { do: 'status' }, LONG), {
    ok: true,
    result: { health: { ready: false }, workers: [{ number: 0 }] }
  })
  const others = [
    { do: 'flush', name: 'www.example', subtree: false },
    { do: 'upgrade' },
    { do: 'confirm', list: 'ads' },
    { do: 'rules-in-force' }
  ] as const
  for (const request of others)
    t.match(await sendAdminRequest(path, request, LONG), { ok: false, code: 'ADMIN_STATUS_ONLY' })
  await rig.gateway.stop()
  t.equal(existsSync(path), false)
})

t.test('by default the socket is in the state folder, however long its path is', async t => {
  const state = `state${'/deep'.repeat(30)}`
  const rig = await serving(t, { more: `state: { folder: ${state} }` })
  const path = rig.site.path(`${state}/admin.sock`)
  t.ok(path.length > 107)
  t.match(await flush(path, 'www.example', true), { ok: true })
  await rig.gateway.stop()
  t.notOk(existsSync(path), 'at the end it is removed')
  await t.rejects(flush(path, 'www.example', true), { code: 'ADMIN_ABSENT' })
  await t.rejects(flush(`${path}/x/y`, 'www.example', true), { code: 'ADMIN_ABSENT' })
})

const SOCKETLESS = {
  status: () => Promise.reject(new Error('not asked for')),
  operations: NO_OPERATIONS,
  workerPool: { request: () => Promise.resolve([]) },
  cache: { flush: () => Promise.resolve(3) }
}

t.test('the first default place that can be used is used', async t => {
  const run = place(t)
  const state = place(t)
  const log = new MemoryLog()
  const paths = [run, state]
  const first = new AdminInterface({ ...SOCKETLESS, log, socket: { paths, position: undefined } })
  t.strictSame(await first.open(), [])
  t.teardown(() => first.close())
  t.ok(existsSync(run))
  t.notOk(existsSync(state))
  const second = new AdminInterface({ ...SOCKETLESS, log, socket: { paths, position: undefined } })
  t.strictSame(await second.open(), [], 'another gateway has it')
  t.teardown(() => second.close())
  t.match(log.with('another process listens on it'), [{ fields: { code: 'ADMIN_SOCKET' } }])
  t.match(await sendToFirst([state, run], { do: 'flush', name: '.', subtree: true }, LONG), {
    ok: true
  })
  first.close()
  const absent = `${dirname(run)}/absent/admin.sock`
  const third = new AdminInterface({
    ...SOCKETLESS,
    log,
    socket: { paths: [absent, `${state}/x`], position: undefined }
  })
  t.strictSame(await third.open(), [], 'it serves without')
  t.match(log.with('serving without it'), [{ level: 'warn', fields: { code: 'ADMIN_SOCKET' } }])
  t.notOk(existsSync(dirname(absent)), 'the run folder is not made')
  await t.rejects(sendToFirst([`${state}/x`, run], { do: 'status' }, LONG), {
    code: 'ADMIN_ABSENT',
    message: `${state}/x`
  })
})

t.test('a gateway that stops leaves a socket that has replaced its own', async t => {
  const rig = await serving(t, { more })
  rig.site.replace('admin.sock', 'precious')
  await rig.gateway.stop()
  t.equal(rig.site.read('admin.sock'), 'precious')
  writeFileSync(rig.site.path('admin.sock'), '')
})
