import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import { openAdminSocket } from '../../src/gateway/socket/admin-socket.js'
import { asUser, leaveSocket, listenAt, place, position, talk } from './admin-rig.js'

t.test('listens, for this user only whatever the umask, until it is closed', async t => {
  const path = place(t)
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const socket = await openAdminSocket({ path, position }, visitor => visitor.end('here'))
  t.equal(process.umask(before), 0, 'the umask is restored')
  t.ok(lstatSync(path).isSocket())
  t.equal(lstatSync(path).mode & 0o777, 0o600)
  t.equal(await talk(path, []), 'here')
  socket.close()
  t.notOk(existsSync(path))
})

t.test('replaces a stale socket', async t => {
  const path = place(t)
  await leaveSocket(path)
  t.ok(lstatSync(path).isSocket())
  await listenAt(t, path, visitor => visitor.end('here'))
  t.equal(await talk(path, []), 'here')
})

interface Case {
  readonly it: string
  readonly prepare: (t: Test, path: string) => unknown
  /** It is there as it was. */
  readonly stays: (path: string) => boolean | Promise<boolean>
  readonly says: RegExp
}

const refused: Case[] = [
  {
    it: 'a socket on which somebody listens',
    prepare: (t, path) => listenAt(t, path, visitor => visitor.end('first')),
    stays: async path => (await talk(path, [])) === 'first',
    says: /another process listens on it/
  },
  {
    it: 'a file',
    prepare: (_, path) => writeFileSync(path, 'precious'),
    stays: path => readFileSync(path, 'utf8') === 'precious',
    says: /is not a socket/
  },
  {
    it: 'a folder',
    prepare: (_, path) => mkdirSync(path),
    stays: path => lstatSync(path).isDirectory(),
    says: /is not a socket/
  },
  {
    it: 'a link to a socket that was left',
    prepare: async (_, path) => {
      await leaveSocket(`${path}.left`)
      symlinkSync(`${path}.left`, path)
    },
    stays: path => lstatSync(path).isSymbolicLink() && existsSync(`${path}.left`),
    says: /is not a socket/
  },
  {
    it: 'a folder that cannot be made',
    prepare: (_, path) => {
      rmSync(dirname(path), { recursive: true })
      writeFileSync(dirname(path), 'precious')
    },
    stays: path => readFileSync(dirname(path), 'utf8') === 'precious',
    says: /its parent is not a folder/
  },
  {
    it: 'a folder without permission',
    prepare: (_, path) => chmodSync(dirname(path), 0o555),
    stays: path => !existsSync(path),
    says: /permission denied/
  }
]

for (const { it, prepare, stays, says } of refused) {
  t.test(`refuses ${it}, names the setting, and leaves the path alone`, async t => {
    const path = place(t)
    await prepare(t, path)
    const open = () => openAdminSocket({ path, position }, () => undefined)
    const error = await (it.includes('permission') ? asUser(open) : open()).then(
      () => undefined,
      (thrown: unknown) => thrown
    )
    t.match(error, { code: 'ADMIN_SOCKET', message: /^interdict\.yaml:2:11: / })
    t.match(error, { message: says })
    t.ok(await stays(path))
  })
}

t.test('makes its folder, for this user only', async t => {
  const path = place(t)
  const folder = dirname(path)
  rmSync(folder, { recursive: true })
  const socket = await openAdminSocket({ path, position }, () => undefined)
  t.equal(lstatSync(folder).mode & 0o777, 0o700)
  socket.close()
})

t.test('a socket of another user is left alone', async t => {
  const path = place(t)
  await leaveSocket(path)
  chmodSync(path, 0)
  chmodSync(dirname(path), 0o755)
  const open = () => openAdminSocket({ path, position }, () => undefined)
  await t.rejects(asUser(open), { code: 'ADMIN_SOCKET', message: /permission denied/ })
  t.ok(lstatSync(path).isSocket())
})

t.test('closing leaves a socket that has replaced it', async t => {
  const path = place(t)
  const socket = await openAdminSocket({ path, position }, () => undefined)
  rmSync(path)
  writeFileSync(path, 'precious')
  socket.close()
  t.equal(readFileSync(path, 'utf8'), 'precious')
})
