import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { requestSchema } from '../../src/gateway/egress/helper-protocol.js'
import { HelperServer } from '../../src/gateway/egress/helper-server.js'
import { ForeignChanges } from '../../src/gateway/egress/nft-process.js'

const CHANGE = { id: 1, do: 'change', remove: [], add: [] }

t.test('the helper takes addresses only, whatever else is in a line', async t => {
  const isValid = (value: unknown): boolean => requestSchema.safeParse(value).success
  const add = (address: string, more = {}) =>
    isValid({ ...CHANGE, add: [{ group: 0, address, ports: 'all', seconds: 5, ...more }] })
  t.ok(add('192.0.2.1'))
  t.ok(add('2001:db8::1'))
  for (const wrong of ['', 'example.com', '192.0.2.1/24', 'fe80::1%eth0', '@all4_0', '192.0.2.1 }'])
    t.notOk(add(wrong), wrong)
  t.notOk(add('192.0.2.1', { seconds: 0 }))
  t.notOk(add('192.0.2.1', { set: 'x' }))
  t.notOk(isValid({ ...CHANGE, do: 'flush' }))
  const replace = (group: object) =>
    isValid({
      ...{ id: 1, do: 'replace' },
      groups: [{ name: 'n', sources: [], prefixes: [], elements: [], ...group }]
    })
  t.ok(
    replace({ sources: [['10.0.0.0', '10.0.0.9']], prefixes: [{ prefix: '::/0', ports: 'dns' }] })
  )
  t.notOk(replace({ name: 'n" }' }))
  t.notOk(replace({ sources: [['10.0.0.0', '::1']] }))
  for (const prefix of ['10.0.0.0/33', '10.0.0.0/8/8', 'x/8'])
    t.notOk(replace({ prefixes: [{ prefix, ports: 'all' }] }), prefix)
})

async function serve(t: Test, apply: () => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), 'egress-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const logged: string[] = []
  const server = new HelperServer({ replace: apply, change: apply }, (_, text) => logged.push(text))
  await server.listen(path)
  t.teardown(() => server.close())
  const client = async () => {
    const socket = connect(path)
    await once(socket, 'connect')
    t.teardown(() => socket.destroy())
    return socket
  }
  return { server, client, logged, path }
}

const next = async (socket: Awaited<ReturnType<typeof connect>>): Promise<unknown> => {
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return JSON.parse(chunk.toString())
}

t.test('replies when a change is in force, or with the reason', async t => {
  const state: { error?: Error } = {}
  const { client, server } = await serve(t, async () => {
    await Promise.resolve()
    if (state.error !== undefined) throw state.error
  })
  const socket = await client()
  const line = `${JSON.stringify(CHANGE)}\n`
  socket.write(line.slice(0, 10))
  socket.write(line.slice(10))
  t.strictSame(await next(socket), { id: 1, ok: true })
  state.error = new Error('no such table')
  socket.write(line)
  t.strictSame(await next(socket), { id: 1, ok: false, error: 'no such table' })
  const notice = next(socket)
  server.send({ restored: 'delete table' })
  t.strictSame(await notice, { restored: 'delete table' })
})

t.test('disconnects what sends anything else; a new gateway replaces the previous one', async t => {
  const { client, logged } = await serve(t, () => Promise.resolve())
  const wrong = await client()
  wrong.write('{"id":1,"do":"exec"}\n')
  await once(wrong, 'close')
  const first = await client()
  const closed = once(first, 'close')
  const second = await client()
  await closed
  second.write(`${JSON.stringify(CHANGE)}\n`)
  t.strictSame(await next(second), { id: 1, ok: true })
  t.ok(logged.includes('invalid request; disconnected'))
})

t.test('takes the place of a socket that was left, and of no other file', async t => {
  const { server, path } = await serve(t, () => Promise.resolve())
  const apply = () => Promise.resolve()
  const next = new HelperServer({ replace: apply, change: apply }, () => undefined)
  await next.listen(path)
  next.close()
  server.close()
  writeFileSync(path, '')
  const third = new HelperServer({ replace: apply, change: apply }, () => undefined)
  await t.rejects(third.listen(path), { code: 'EADDRINUSE' })
})

t.test('tells changes of other programs from its own', async t => {
  const found: string[] = []
  const changes = new ForeignChanges(new Set([10]), what => found.push(what))
  changes.read('add element inet interdict_egress all4_0 { 192.0.2.1 }\n# new gen')
  changes.read('eration 2 by process 10 (nft)\n')
  changes.read('add table inet other\n# new generation 3 by process 11 (nft)\n')
  t.strictSame(found, [])
  changes.read('delete table inet interdict_egress\n# new generation 4 by process 11 (nft)\n')
  changes.read('add rule inet interdict_egress forward accept\n# new generation 5\n')
  t.strictSame(found, [
    'delete table inet interdict_egress (process 11, nft)',
    'add rule inet interdict_egress forward accept (process unknown, unknown)'
  ])
})
