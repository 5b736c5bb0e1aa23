import { chmodSync } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import t from 'tap'
import { failure } from '../../src/base/errors/error.js'
import { fromFirst, sendAdminRequest } from '../../src/gateway/socket/admin-client.js'
import { asUser, leaveSocket, listenAt, place } from './admin-rig.js'

const REQUEST = { do: 'flush', name: 'www.example', subtree: false } as const
/** Longer than any test here takes. */
const LONG = 30_000

const replies: { it: string; accept: (socket: Socket) => unknown; code: string }[] = [
  { it: 'silence', accept: () => undefined, code: 'ADMIN_TIMEOUT' },
  { it: 'no JSON', accept: socket => socket.end('hello\n'), code: 'ADMIN_REPLY' },
  { it: 'null', accept: socket => socket.end('null\n'), code: 'ADMIN_REPLY' },
  { it: 'a number', accept: socket => socket.end('7\n'), code: 'ADMIN_REPLY' },
  { it: 'half a reply', accept: socket => socket.end('{"ok":true,"resu'), code: 'ADMIN_REPLY' },
  { it: 'the end at once', accept: socket => socket.end(), code: 'ADMIN_REPLY' },
  {
    it: 'a refusal without a code',
    accept: socket => socket.end('{"ok":false}\n'),
    code: 'ADMIN_REPLY'
  },
  {
    it: 'a reply without end',
    accept: socket => {
      const piece = 'x'.repeat(65_536)
      const more = (): void => {
        while (!socket.destroyed && socket.write(piece));
      }
      socket.on('drain', more).on('error', () => undefined)
      more()
    },
    code: 'ADMIN_REPLY'
  }
]

for (const { it, accept, code } of replies) {
  t.test(`takes ${it} for ${code}`, async t => {
    const path = place(t)
    await listenAt(t, path, accept)
    const timeout = code === 'ADMIN_TIMEOUT' ? 20 : LONG
    await t.rejects(sendAdminRequest(path, REQUEST, timeout), { code })
  })
}

t.test('returns replies and error replies alike', async t => {
  const said = [
    { ok: true, result: { dropped: 3 } },
    { ok: false, code: 'ADMIN_BUSY', message: 'no' }
  ]
  for (const reply of said) {
    const path = place(t)
    await listenAt(t, path, socket => socket.end(`${JSON.stringify(reply)}\n`))
    t.strictSame(await sendAdminRequest(path, REQUEST, LONG), reply)
  }
})

t.test(
  'asks the next path where it may not ask; the last one that it may not is named',
  async t => {
    const fail = (code: 'ADMIN_ABSENT' | 'ADMIN_PERMISSION', path: string) =>
      code === 'ADMIN_ABSENT' ? failure(code, path, 'no such file') : failure(code, path)
    const from = (codes: readonly ('ADMIN_ABSENT' | 'ADMIN_PERMISSION' | undefined)[]) =>
      fromFirst(
        codes.map((_, i) => `/${i}`),
        path => {
          const code = codes[Number(path.slice(1))]
          return code === undefined ? Promise.resolve(path) : Promise.reject(fail(code, path))
        }
      )
    t.equal(await from(['ADMIN_PERMISSION', 'ADMIN_ABSENT', 'ADMIN_PERMISSION', undefined]), '/3')
    await t.rejects(from(['ADMIN_PERMISSION', 'ADMIN_PERMISSION', 'ADMIN_ABSENT']), {
      code: 'ADMIN_PERMISSION',
      message: /\/1;/
    })
    await t.rejects(from(['ADMIN_ABSENT', 'ADMIN_ABSENT']), {
      code: 'ADMIN_ABSENT',
      message: /\/0:/
    })
  }
)

t.test('without a listener: the error tells a missing file from a stale socket', async t => {
  const path = place(t)
  await t.rejects(sendAdminRequest(path, REQUEST, LONG), {
    code: 'ADMIN_ABSENT',
    message: /no such file/
  })
  await leaveSocket(path)
  await t.rejects(sendAdminRequest(path, REQUEST, LONG), {
    code: 'ADMIN_ABSENT',
    message: /no process listens/
  })
})

t.test('the socket of another user', async t => {
  const path = place(t)
  await listenAt(t, path, () => undefined)
  chmodSync(path, 0)
  chmodSync(dirname(path), 0o755)
  await t.rejects(
    asUser(() => sendAdminRequest(path, REQUEST, LONG)),
    { code: 'ADMIN_PERMISSION' }
  )
})
