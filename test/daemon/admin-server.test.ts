import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { failure } from '../../src/base/errors/error.js'
import type { AdminRequest } from '../../src/gateway/socket/admin-protocol.js'
import { AdminServer } from '../../src/gateway/socket/admin-server.js'
import { listenAt, place, talk } from './admin-rig.js'
import { eventually } from './site.js'

const FLUSH = '{"version":1,"do":"flush","name":"www.example"}'
/** Longer than any test that does not set its own limit. */
const PATIENT = { connections: 8, timeout: 60_000 }

interface Door {
  readonly path: string
  readonly asked: AdminRequest[]
}

async function open(
  t: Test,
  serve: (request: AdminRequest) => Promise<unknown> = async () => Promise.resolve('done'),
  limits = PATIENT
): Promise<Door> {
  const path = place(t)
  const asked: AdminRequest[] = []
  const door = new AdminServer(request => {
    asked.push(request)
    return serve(request)
  }, limits)
  await listenAt(t, path, door.accept)
  t.teardown(() => door.close())
  return { path, asked }
}

const lines = [
  { it: 'a line', pieces: [`${FLUSH}\n`] },
  { it: 'a line in pieces', pieces: [FLUSH.slice(0, 9), FLUSH.slice(9), '\n'] },
  { it: 'a line and more, which is not looked at', pieces: [`${FLUSH}\n${FLUSH}\nrest`] },
  { it: 'a line with CR at its end', pieces: [`${FLUSH}\r\n`] }
]

for (const { it, pieces } of lines) {
  t.test(`answers ${it}, and closes the connection`, async t => {
    const { path, asked } = await open(t)
    t.equal(await talk(path, pieces), '{"ok":true,"result":"done"}\n')
    t.strictSame(asked, [{ do: 'flush', name: 'www.example', subtree: false }])
  })
}

t.test('answers a status request', async t => {
  const { path, asked } = await open(t)
  t.equal(await talk(path, ['{"version":1,"do":"status"}\n']), '{"ok":true,"result":"done"}\n')
  t.strictSame(asked, [{ do: 'status' }])
})

t.test('answers a request that ends with the client’s side of the connection', async t => {
  const { path } = await open(t)
  t.equal(await talk(path, [FLUSH], true), '{"ok":true,"result":"done"}\n')
})

const wrong = [
  { it: 'nothing', text: '', code: 'ADMIN_REQUEST' },
  { it: 'no JSON', text: 'flush', code: 'ADMIN_REQUEST' },
  { it: 'a list', text: '[]', code: 'ADMIN_REQUEST' },
  { it: 'null', text: 'null', code: 'ADMIN_REQUEST' },
  { it: 'no version', text: '{"do":"flush","name":"a"}', code: 'ADMIN_REQUEST' },
  {
    it: 'another version',
    text: '{"version":2,"do":"flush","name":"a"}',
    code: 'ADMIN_REQUEST'
  },
  { it: 'an unknown order', text: '{"version":1,"do":"halt"}', code: 'ADMIN_REQUEST' },
  { it: 'an inherited order', text: '{"version":1,"do":"toString"}', code: 'ADMIN_REQUEST' },
  { it: 'no name', text: '{"version":1,"do":"flush"}', code: 'ADMIN_REQUEST' },
  { it: 'a wrong name', text: '{"version":1,"do":"flush","name":"a..b"}', code: 'NAME_INVALID' },
  {
    it: 'a subtree that is neither true nor false',
    text: '{"version":1,"do":"flush","name":"a","subtree":"yes"}',
    code: 'ADMIN_REQUEST'
  },
  { it: 'too much', text: `${' '.repeat(4096)}${FLUSH}`, code: 'ADMIN_REQUEST' }
]

for (const { it, text, code } of wrong) {
  t.test(`refuses ${it} in one line`, async t => {
    const { path, asked } = await open(t)
    const said = await talk(path, [`${text}\n`])
    t.match(JSON.parse(said), { ok: false, code, message: String })
    t.match(said, /^[^\n]+\n$/)
    t.strictSame(asked, [])
  })
}

t.test('accepts the longest possible name, with every octet escaped', async t => {
  const label = '\\255'.repeat(63)
  const name = `${[label, label, label].join('.')}.${'\\255'.repeat(61)}`
  const { path, asked } = await open(t)
  const text = JSON.stringify({ version: 1, do: 'flush', name })
  t.equal(await talk(path, [`${text}\n`]), '{"ok":true,"result":"done"}\n')
  t.match(asked, [{ name }])
})

t.test('reports errors, but no details of an internal one', async t => {
  const coded = await open(t, () => Promise.reject(failure('ADMIN_OFF')))
  t.match(await talk(coded.path, [`${FLUSH}\n`]), /"ok":false,"code":"ADMIN_OFF"/)
  const fault = await open(t, () => Promise.reject(new Error('secret')))
  const said = await talk(fault.path, [`${FLUSH}\n`])
  t.match(said, /"ok":false,"code":"FAULT"/)
  t.notMatch(said, /secret/)
})

function hanging(path: string): Promise<Socket> {
  return new Promise(resolve => {
    const socket = connect(path, () => resolve(socket))
    socket.on('error', () => undefined)
  })
}

t.test('a client above the limit gets an error, and is served once another has left', async t => {
  const { path } = await open(t, undefined, { ...PATIENT, connections: 2 })
  const held = [await hanging(path), await hanging(path)]
  for (let i = 0; i < 5; i++) t.match(await talk(path, []), /"code":"ADMIN_BUSY"/)
  // A client that sends its request gets the error too, and can read it before the connection closes.
  for (let i = 0; i < 200; i++) t.match(await talk(path, [`${FLUSH}\n`]), /"code":"ADMIN_BUSY"/)
  held[0]!.destroy()
  await eventually('room', async () => (await talk(path, [`${FLUSH}\n`])).includes('done'))
  held[1]!.destroy()
})

t.test('disconnects a client that sends nothing, or one octet at a time', async t => {
  const { path, asked } = await open(t, undefined, { connections: 1, timeout: 50 })
  t.equal(await talk(path, []), '')
  const slow = await hanging(path)
  const writing = setInterval(() => slow.write(' '), 5)
  await new Promise(resolve => slow.once('close', resolve))
  clearInterval(writing)
  t.strictSame(asked, [])
  t.match(await talk(path, [`${FLUSH}\n`]), /done/, 'the next one is served')
})

t.test('disconnects a client that does not read its reply, however long', async t => {
  const much = 'x'.repeat(4 * 1024 * 1024)
  const serve = (): Promise<string> => Promise.resolve(much)
  // Long enough for the request of a client that gets no CPU for a while.
  const { path, asked } = await open(t, serve, { connections: 1, timeout: 1000 })
  const deaf = await hanging(path)
  deaf.pause()
  deaf.write(`${FLUSH}\n`)
  await eventually('the request', () => asked.length === 1)
  await eventually('room', async () => !(await talk(path, [])).includes('ADMIN_BUSY'))
  deaf.destroy()
})

t.test('a request is completed even if its client has left', async t => {
  let finish = (): void => undefined
  const work = new Promise<void>(resolve => (finish = resolve))
  let done = false
  const { path } = await open(t, () => work.then(() => (done = true)))
  const gone = await hanging(path)
  gone.write(`${FLUSH}\n`)
  gone.destroy()
  finish()
  await eventually('it is done', () => done)
  t.match(await talk(path, [`${FLUSH}\n`]), /"ok":true/, 'and works as usual')
})
