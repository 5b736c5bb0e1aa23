import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { LOCK_FILE, lockLog } from '../../../src/querylog/record/lock.js'

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-lock-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

t.test('one process at a time, whatever the file name, and again after a release', async t => {
  const folder = folderOf(t)
  const unlock = lockLog(join(folder, 'queries.jsonl'))
  const which = new RegExp(`locked by process ${process.pid};`)
  t.throws(() => lockLog(join(folder, 'other.jsonl')), { code: 'LOG_LOCKED', message: which })
  unlock!()
  t.strictSame(readdirSync(folder), [], 'nothing is left behind')
  lockLog(join(folder, 'queries.jsonl'))!()
})

t.test('takes over the lock of a killed process, even if its ID is reused', async t => {
  const folder = folderOf(t)
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const dead = { pid: child.pid, life: '' }
  const another = { pid: process.pid, life: 'another boot' }
  for (const left of [JSON.stringify(dead), JSON.stringify(another), '', '{"pid":']) {
    writeFileSync(join(folder, LOCK_FILE), left)
    const unlock = lockLog(join(folder, 'queries.jsonl'))
    t.match(JSON.parse(readFileSync(join(folder, LOCK_FILE), 'utf8')), { pid: process.pid }, left)
    unlock!()
  }
})

t.test(
  'takes over the lock of a killed process that its parent has not reaped',
  { skip: existsSync('/proc/self/stat') ? false : 'a system without /proc' },
  async t => {
    const folder = folderOf(t)
    const lock = new URL('../../../src/querylog/record/lock.js', import.meta.url).href
    const holder = `import { lockLog } from '${lock}'
      lockLog('${folder}/queries.jsonl')
      process.stdout.write(String(process.pid))
      setInterval(() => undefined, 1000)`
    // The shell becomes a process that never waits for its child.
    const command = `"${process.execPath}" --input-type=module -e "$0" & exec sleep 60`
    const env = { ...process.env, NODE_OPTIONS: undefined }
    const parent = spawn('sh', ['-c', command, holder], {
      env,
      stdio: ['ignore', 'pipe', 'inherit']
    })
    t.teardown(() => parent.kill('SIGKILL'))
    const [output] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(output)
    t.throws(() => lockLog(join(folder, 'queries.jsonl')), { code: 'LOG_LOCKED' })
    process.kill(pid, 'SIGKILL')
    for (let i = 0; i < 1000 && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '); i++)
      await sleep(10)
    const unlock = lockLog(join(folder, 'queries.jsonl'))
    t.match(JSON.parse(readFileSync(join(folder, LOCK_FILE), 'utf8')), { pid: process.pid })
    unlock!()
  }
)

t.test('does not release a lock that belongs to another process by now', async t => {
  const folder = folderOf(t)
  const unlock = lockLog(join(folder, 'queries.jsonl'))
  writeFileSync(join(folder, LOCK_FILE), 'of another')
  unlock!()
  t.equal(existsSync(join(folder, LOCK_FILE)), true)
})

t.test('a pipe and an impossible folder need no lock', async t => {
  t.equal(lockLog('/dev/null'), undefined)
  t.equal(lockLog('/proc/nothing/queries.jsonl'), undefined)
})
