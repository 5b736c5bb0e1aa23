import { existsSync, writeFileSync } from 'node:fs'
import { fork } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as after } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Archiver, type StartArchive } from '../../src/gateway/archiver.js'
import type { LogFields } from '../../src/log/service-log.js'
import { lines, logFolder, record } from '../archive/lines.js'

const CLOSED = 'queries-20230302T000000.104Z.jsonl'

function rig(t: Test, path: string, start?: StartArchive) {
  const told: { level: string; fields: LogFields }[] = []
  const at = (level: string) => (fields: LogFields) => void told.push({ level, fields })
  const log = { info: at('info'), warn: at('warn'), error: at('error') }
  const archiver = new Archiver({ path, log, look: 50, ...(start === undefined ? {} : { start }) })
  archiver.start()
  t.teardown(() => archiver.close())
  return { told, archiver }
}

/** Waits for it, at most 20 s. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await after(50)
}

t.test('a process of its own makes Parquet of closed files', async t => {
  const path = logFolder(t, { [CLOSED]: lines(record('2023-03-01T09:26:53.589Z')) })
  const { told } = rig(t, path)
  await until(() => told.length > 0)
  t.match(told, [{ level: 'info', fields: { file: CLOSED, records: 1 } }])
  t.equal(existsSync(join(dirname(path), CLOSED)), false)
})

const child = (file: string): StartArchive => {
  const path = fileURLToPath(new URL(file, import.meta.url))
  return () => fork(path, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
}

t.test('without DuckDB it says so once', async t => {
  const path = logFolder(t, { [CLOSED]: lines(record('2023-03-01T09:26:53.589Z')) })
  let starts = 0
  const lacking = child('lacking-archive.js')
  const { told } = rig(t, path, () => (starts++, lacking()))
  await until(() => told.length > 0)
  await after(300)
  writeFileSync(join(dirname(path), 'queries-20230303T000000.000Z.jsonl'), '')
  await after(300)
  t.match(told, [{ level: 'warn', fields: { code: 'ARCHIVE_NO_DUCKDB' } }])
  t.equal(told.length, 1)
  t.equal(starts, 1)
})

t.test(
  'one that dies is not started again at once, and one at work is ended at the end',
  async t => {
    const path = logFolder(t, { [CLOSED]: '' })
    let starts = 0
    const hanging = child('hanging-archive.js')
    const { archiver } = rig(t, path, () => {
      const process = hanging()
      if (starts++ === 0) process.kill('SIGKILL')
      return process
    })
    await until(() => starts > 0)
    await after(500)
    t.equal(starts, 1)
    await archiver.close()

    const other = rig(t, path, hanging)
    await after(200)
    const start = performance.now()
    await other.archiver.close()
    t.ok(performance.now() - start < 2000)
  }
)
