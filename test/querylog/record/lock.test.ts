import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { failure, InterdictError } from '../../../src/base/errors/error.js'
import { FolderLock, LOCK_FILE, nameOfShared } from '../../../src/lookups/files/folder-lock.js'

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-lock-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const lockOf = (folder: string): FolderLock =>
  new FolderLock({ folder, lockedError: holder => failure('LOG_LOCKED', folder, holder) })

/** A process that holds the lock of a folder, and a parent that never reaps it. */
async function holderIn(t: Test, folder: string): Promise<number> {
  const module = new URL('../../../src/lookups/files/folder-lock.js', import.meta.url).href
  const holder = `import { FolderLock } from '${module}'
    await new FolderLock({ folder: '${folder}' }).acquire()
    process.stdout.write(String(process.pid))
    setInterval(() => undefined, 1000)`
  // The shell becomes a process that never waits for its child.
  const command = `"${process.execPath}" --input-type=module -e "$0" & exec sleep 60`
  const env = { ...process.env, NODE_OPTIONS: undefined }
  const parent = spawn('sh', ['-c', command, holder], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => parent.kill('SIGKILL'))
  const [output] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(output)
  t.teardown(() => kill(pid, 'SIGKILL'))
  return pid
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended.
  }
}

t.test('one holder at a time, and again after a release', async t => {
  const folder = folderOf(t)
  const lock = lockOf(folder)
  t.equal(await lock.acquire(), true)
  t.equal(await lock.acquire(), false, 'it is held')
  t.strictSame(readdirSync(folder), [LOCK_FILE], 'no draft is left behind')
  const message = new RegExp(`locked by process ${process.pid};`)
  await t.rejects(lockOf(folder).acquire(), { code: 'LOG_LOCKED', message })
  lock.release()
  t.strictSame(readdirSync(folder), [], 'nothing is left behind')
  const next = lockOf(folder)
  t.equal(await next.acquire(), true)
  next.release()
})

t.test('one of many that start at once gets the lock, of a dead holder as well', async t => {
  for (const left of [undefined, '{"pid":1,"life":"before the last boot"}']) {
    const folder = folderOf(t)
    if (left !== undefined) writeFileSync(join(folder, LOCK_FILE), left)
    const locks = Array.from({ length: 12 }, () => lockOf(folder))
    const tried = await Promise.allSettled(locks.map(lock => lock.acquire()))
    const errors = tried.flatMap(it => (it.status === 'rejected' ? [it.reason as unknown] : []))
    t.equal(errors.length, locks.length - 1)
    t.ok(errors.every(error => error instanceof InterdictError && error.code === 'LOG_LOCKED'))
    t.strictSame(readdirSync(folder), [LOCK_FILE])
    for (const lock of locks) lock.release()
    t.strictSame(readdirSync(folder), [])
  }
})

t.test('takes over the lock of a killed process that its parent has not reaped', async t => {
  const folder = folderOf(t)
  const pid = await holderIn(t, folder)
  const lock = lockOf(folder)
  await t.rejects(lock.acquire(), { message: new RegExp(`locked by process ${pid};`) })
  process.kill(pid, 'SIGKILL')
  const isZombie = (): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  const hasProc = existsSync('/proc/self/stat')
  for (let i = 0; i < 1000 && !(hasProc && isZombie()); i++) await sleep(hasProc ? 10 : 1)
  t.equal(await lock.acquire(), true)
  lock.release()
})

t.test('a process that is stopped keeps its lock', async t => {
  const folder = folderOf(t)
  const pid = await holderIn(t, folder)
  process.kill(pid, 'SIGSTOP')
  const message = /locked by a process that does not respond;/
  await t.rejects(lockOf(folder).acquire(), { code: 'LOG_LOCKED', message })
  process.kill(pid, 'SIGKILL')
})

t.test('acquires a lock again whose folder was deleted, unless another process has it', async t => {
  const folder = folderOf(t)
  const [first, second] = [lockOf(folder), lockOf(folder)]
  await first.acquire()
  rmSync(folder, { recursive: true })
  t.equal(await first.acquire(), true, 'it was missing')
  t.equal(await first.acquire(), false)
  await t.rejects(second.acquire(), { code: 'LOG_LOCKED' })

  rmSync(join(folder, LOCK_FILE))
  t.equal(await second.acquire(), true)
  await t.rejects(first.acquire(), { code: 'LOG_LOCKED' })
  first.release()
  await t.rejects(lockOf(folder).acquire(), { code: 'LOG_LOCKED' }, 'that of the second remains')
  second.release()
  t.strictSame(readdirSync(folder), [])
})

t.test('a lock that is released while it is acquired is not held', async t => {
  const folder = folderOf(t)
  const lock = lockOf(folder)
  const acquired = lock.acquire()
  lock.release()
  await acquired
  t.strictSame(readdirSync(folder), [])
})

t.test('any user who can open the folder can ask who holds the lock', async t => {
  const folder = folderOf(t)
  const lock = lockOf(folder)
  await lock.acquire()
  t.equal(lstatSync(join(folder, LOCK_FILE)).mode & 0o777, 0o666)
  lock.release()
})

t.test(
  'locks a folder whose path is too long for a socket',
  { skip: process.platform === 'linux' ? false : 'needs /proc' },
  async t => {
    const folder = join(folderOf(t), 'a'.repeat(100), 'b'.repeat(100))
    mkdirSync(folder, { recursive: true })
    const lock = lockOf(folder)
    t.equal(await lock.acquire(), true)
    await t.rejects(lockOf(folder).acquire(), { message: /locked by process \d+;/ })
    lock.release()
    t.strictSame(readdirSync(folder), [])
  }
)

t.test('reports a folder that cannot be locked', async t => {
  const lock = lockOf('/proc/nothing')
  await t.rejects(lock.acquire(), {
    code: 'LOCK_UNAVAILABLE',
    message: /^cannot lock \/proc\/nothing: /
  })
  t.equal(await lock.sharedFileSystem(), undefined)
  lock.release()
})

t.test('knows file systems that other machines share', async t => {
  t.equal(nameOfShared(0x6969), 'NFS')
  t.equal(nameOfShared(0xff534d42), 'CIFS')
  t.equal(nameOfShared(0xff534d42 | 0), 'CIFS', 'as a signed number')
  t.equal(nameOfShared(0xef53), undefined, 'ext4')
  const lock = lockOf(folderOf(t))
  await lock.acquire()
  t.equal(await lock.sharedFileSystem(), undefined, 'the temporary folder is local')
  lock.release()
})
