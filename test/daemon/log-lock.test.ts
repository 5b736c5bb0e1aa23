import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { failure } from '../../src/base/errors/error.js'
import { LogLocks } from '../../src/lookups/threads/log-locks.js'
import { FolderLock } from '../../src/lookups/files/folder-lock.js'
import { Rig } from './serve.js'
import { eventually } from './site.js'

const lockOf = (folder: string): FolderLock =>
  new FolderLock({ folder, lockedError: holder => failure('LOG_LOCKED', folder, holder) })

function newFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-lock-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

t.test('a second gateway with the same log folder does not start', async t => {
  const rig = new Rig(t)
  const lock = lockOf(rig.site.path('.'))
  await lock.acquire()
  t.match(await rig.gateway.start(), [{ code: 'LOG_LOCKED' }])
  lock.release()
})

t.test('a second gateway with the same state folder does not start', async t => {
  const state = newFolder(t)
  const more = `state: { folder: '${state}' }`
  const first = new Rig(t, { more })
  t.strictSame(await first.gateway.start(), [])
  const second = new Rig(t, { more })
  t.match(await second.gateway.start(), [
    { code: 'STATE_LOCKED', message: new RegExp(`process ${process.pid} has locked it`) }
  ])
  await second.gateway.abort()
  t.equal(existsSync(second.site.path('interdict.lock')), false, 'the log is unlocked')
  await first.gateway.stop()
  t.equal(existsSync(join(state, 'interdict.lock')), false)
  const third = new Rig(t, { more })
  t.strictSame(await third.gateway.start(), [])
})

t.test('one folder for state and log is locked once', async t => {
  const rig = new Rig(t, { more: 'state: { folder: . }' })
  t.strictSame(await rig.gateway.start(), [])
})

t.test('it locks the folder while it runs, and unlocks it at the end', async t => {
  const rig = new Rig(t)
  t.strictSame(await rig.gateway.start(), [])
  const other = lockOf(rig.site.path('.'))
  await t.rejects(other.acquire(), { code: 'LOG_LOCKED' })
  const file = rig.site.path('interdict.lock')
  rmSync(file)
  await eventually('the deleted lock is acquired again', () => Promise.resolve(existsSync(file)))
  await t.rejects(other.acquire(), { code: 'LOG_LOCKED' })
  await rig.gateway.stop()
  t.equal(existsSync(file), false)
})

t.test('a spool folder belongs to one output of one gateway', async t => {
  const spool = newFolder(t)
  const output = (name: string): string =>
    `{ name: ${name}, type: json, to: 'tcp://127.0.0.1:1', spool: '${spool}' }`
  const first = new Rig(t, { outputs: output('siem') })
  t.strictSame(await first.gateway.start(), [])
  const second = new Rig(t, { outputs: output('tap') })
  t.match(await second.gateway.start(), [{ code: 'OUTPUT_LOCKED' }])
  t.equal(existsSync(second.site.path('interdict.lock')), false, 'the log is unlocked')
  await first.gateway.stop()
  t.equal(existsSync(join(spool, 'interdict.lock')), false)
  const third = new Rig(t, { outputs: `${output('siem')}, ${output('tap')}` })
  t.match(await third.gateway.start(), [{ code: 'OUTPUT_LOCKED', message: /output tap/ }])
})

/** The locks of a query log, and the codes of what they log. */
function locksOf(path: string) {
  const codes: unknown[] = []
  const note = (fields: Readonly<Record<string, unknown>>): void => void codes.push(fields.code)
  const log = { info: note, warn: note, error: note }
  const settings = { which: 'all', path } as ConstructorParameters<typeof LogLocks>[0]['settings']
  return { locks: new LogLocks({ settings, outputs: [] }, log), codes }
}

t.test('where nothing can be locked, a gateway starts with a warning', async t => {
  const { locks, codes } = locksOf('/proc/nothing/queries.jsonl')
  t.strictSame(await locks.acquire(), [])
  t.strictSame(codes, ['LOCK_UNAVAILABLE'])
  locks.release()
})

t.test('on a file system that other machines share, a gateway starts with a warning', async t => {
  t.intercept(FolderLock.prototype, 'sharedFileSystem', { value: () => Promise.resolve('NFS') })
  const { locks, codes } = locksOf(join(newFolder(t), 'queries.jsonl'))
  t.strictSame(await locks.acquire(), [])
  t.strictSame(codes, ['LOCK_SHARED'])
  locks.release()
})

t.test('a pipe or device needs no lock', async t => {
  const { locks, codes } = locksOf('/dev/null')
  t.strictSame(await locks.acquire(), [])
  t.strictSame(codes, [])
  locks.release()
})

t.test('reports once that another process has taken a deleted lock', async t => {
  const folder = newFolder(t)
  const { locks, codes } = locksOf(join(folder, 'queries.jsonl'))
  t.strictSame(await locks.acquire(), [])
  rmSync(join(folder, 'interdict.lock'))
  const other = lockOf(folder)
  await other.acquire()
  await eventually('it is reported', () => Promise.resolve(codes.length > 0))
  other.release()
  await eventually('it is locked again', () => Promise.resolve(codes.length > 1))
  t.strictSame(codes, ['LOG_LOCKED', undefined])
  locks.release()
})
