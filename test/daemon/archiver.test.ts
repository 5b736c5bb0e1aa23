import { ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { archiveStatus } from '../../src/lookups/threads/archive-status.js'
import {
  Archiver,
  startArchive,
  type ArchiverOptions,
  type StartArchive
} from '../../src/lookups/threads/archiver.js'
import { MaintenanceReporter } from '../../src/lookups/threads/maintenance-reporter.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import type { ArchiveOptions } from '../../src/lookups/archive/maintain.js'
import type { LogFields } from '../../src/base/log/service-log.js'
import { kindsOf, linesOf, signKey, tendOnce, verified } from '../querylog/archive/chain/rig.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'
import { IS_FUZZING } from '../runs.js'
import { packed } from './serve.js'

const NORMAL_PRIORITY = new URL('./normal-priority.js', import.meta.url).href

/** As `startArchive`, at normal priority. */
const startUnpacked: StartArchive = () => {
  const { env } = process
  const before = env.NODE_OPTIONS
  env.NODE_OPTIONS = `--import=${NORMAL_PRIORITY}`
  try {
    return startArchive()
  } finally {
    if (before === undefined) delete env.NODE_OPTIONS
    else env.NODE_OPTIONS = before
  }
}

/** As the program starts it: from the packed file, which loads twice as fast. */
const startDefault: StartArchive = () => startWith()

/** The same at normal priority. */
const startPacked: StartArchive = () => startWith(`--import=${NORMAL_PRIORITY}`)

function startWith(...options: string[]): ChildProcess {
  return fork(packed('archive-main.js'), {
    execArgv: ['--max-old-space-size=96', ...options],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc']
  })
}

const CLOSED = 'queries-20230302T000000.104Z.jsonl'

function rig(
  t: Test,
  path: string,
  start: StartArchive = startPacked,
  settings: Partial<Pick<ArchiverOptions, 'parquet' | 'chain' | 'keep'>> = {}
) {
  const told: { level: string; fields: LogFields }[] = []
  const at = (level: string) => (fields: LogFields) => void told.push({ level, fields })
  const log = { info: at('info'), warn: at('warn'), error: at('error') }
  const options = {
    path,
    log,
    checkInterval: 50,
    parquet: true,
    chain: undefined,
    keep: undefined,
    history: join(dirname(path), 'history'),
    ...settings
  }
  const archiver = new Archiver({ ...options, start })
  archiver.start()
  t.teardown(() => archiver.close())
  return { told, archiver, status: () => archiveStatus(archiver, 5000) }
}

/** Waits for a condition, at most ten minutes. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 12_000 && !condition(); i++) await after(50)
}

t.test('a separate process converts closed files to Parquet', async t => {
  const path = logFolder(t, { [CLOSED]: lines(record('2023-03-01T09:26:53.589Z')) })
  const { told } = rig(t, path, startUnpacked)
  await until(() => told.length > 0)
  t.match(told, [{ level: 'info', fields: { file: CLOSED, records: 1 } }], JSON.stringify(told))
  t.equal(existsSync(join(dirname(path), CLOSED)), false)
})

t.test('if no process can be started, a warning is logged and nothing else happens', async t => {
  const path = logFolder(t, { [CLOSED]: lines(record('2023-03-01T09:26:53.589Z')) })
  // As Node gives it when the system has no descriptor: without pid, and without `send`.
  const stillborn = (): ChildProcess => {
    const child = new ChildProcess()
    process.nextTick(() => child.emit('error', new Error('spawn EMFILE')))
    return child
  }
  const broken = (): ChildProcess => {
    throw new Error('spawn ENOMEM')
  }
  for (const start of [stillborn, broken]) {
    const { told, archiver, status } = rig(t, path, start)
    await until(() => told.length > 0)
    t.match(told, [{ level: 'warn', fields: { code: 'ARCHIVE_PROCESS' } }])
    await after(200)
    t.equal(told.length, 1, 'it is not retried at once')
    const last = { outcome: 'died', errors: 1, first: [{ code: 'ARCHIVE_PROCESS' }] }
    t.match(await status(), { last, again: /Z$/, stored: null })
    await archiver.close()
  }
  t.ok(existsSync(join(dirname(path), CLOSED)))
})

t.test('it runs at a low priority, but gets a share of a busy core', async t => {
  const many = Array.from({ length: 20_000 }, () => record('2023-03-01T09:26:53.589Z'))
  const path = logFolder(t, { [CLOSED]: lines(...many) })
  let child: ChildProcess | undefined
  const { told } = rig(t, path, () => (child = startDefault()))
  const wanted = Math.max(10, getPriority())
  let priority: number | undefined
  await until(() => (priority = priorityOf(child)) === wanted || told.length > 0)
  t.equal(priority, wanted)
})

/** Undefined: it does not run. */
function priorityOf(child: ChildProcess | undefined): number | undefined {
  try {
    return child?.pid === undefined ? undefined : getPriority(child.pid)
  } catch {
    return undefined
  }
}

t.test('a failed run does not delay checkpoints that a witness waits for', async t => {
  const path = logFolder(t, { 'queries.jsonl': '' })
  const chain = { ...signKey(t).options, checkpoint: 200 }
  const startsWith = async (coversLive: boolean): Promise<number> => {
    let starts = 0
    const start: StartArchive = () => {
      starts++
      throw new Error('spawn ENOMEM')
    }
    const { archiver } = rig(t, path, start, { parquet: false, chain: { ...chain, coversLive } })
    await until(() => starts >= (coversLive ? 3 : 1))
    await after(coversLive ? 0 : 500)
    await archiver.close()
    return starts
  }
  t.ok((await startsWith(true)) >= 3)
  t.equal(await startsWith(false), 1)
})

const child = (file: string): StartArchive => {
  const path = fileURLToPath(new URL(file, import.meta.url))
  return () => fork(path, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
}

t.test('without DuckDB it logs that once', async t => {
  const path = logFolder(t, { [CLOSED]: lines(record('2023-03-01T09:26:53.589Z')) })
  let starts = 0
  const lacking = child('archive-without-duckdb.js')
  const { told, archiver, status } = rig(t, path, () => (starts++, lacking()))
  await until(() => archiver.reporter.last !== undefined)
  await after(300)
  t.match(await status(), {
    parquet: 'missing',
    last: { outcome: 'failed', errors: 1, first: [{ code: 'ARCHIVE_NO_DUCKDB' }] },
    again: null
  })
  writeFileSync(join(dirname(path), 'queries-20230303T000000.000Z.jsonl'), '')
  await after(300)
  t.match(told, [{ level: 'warn', fields: { code: 'ARCHIVE_NO_DUCKDB' } }])
  t.equal(told.length, 1)
  t.equal(starts, 1)
})

t.test(
  'a process that dies is not restarted at once, and a running one is killed at the end',
  async t => {
    const path = logFolder(t, { [CLOSED]: '' })
    let starts = 0
    const hanging = child('slow-archive.js')
    const { archiver, told, status } = rig(t, path, () => {
      const process = hanging()
      if (starts++ === 0) process.kill('SIGKILL')
      return process
    })
    await until(() => told.length > 0)
    await after(500)
    t.equal(starts, 1)
    t.match(told, [{ level: 'warn', fields: { code: 'ARCHIVE_PROCESS' } }])
    t.match(await status(), { working: false, last: { outcome: 'died' }, again: /Z$/ })
    await archiver.close()

    const other = rig(t, path, hanging)
    await after(200)
    t.match(await other.status(), { working: true, last: null, again: null })
    await t.resolves(other.archiver.close())
  }
)

t.test('a chain without Parquet: closed files are added once, without DuckDB', async t => {
  const path = logFolder(t, { [CLOSED]: lines(record('2023-03-01T09:26:53.589Z')) })
  const key = signKey(t)
  let starts = 0
  const start: StartArchive = () => (starts++, startPacked())
  rig(t, path, start, { parquet: false, chain: key.options })
  await until(() => starts > 0 && existsSync(join(dirname(path), 'chain.jsonl')))
  await until(() => linesOf(path).length === 3)
  await after(300)
  t.strictSame(kindsOf(path), ['start', 'file', 'checkpoint'])
  t.equal(starts, 1)
})

/** How much later each time the process is killed: four times in all, forty in `npm run fuzz`. */
const STEP = IS_FUZZING ? 15 : 150

/** Starts the process repeatedly, killing it a little later each time; the chain is never broken. */
async function killOften(
  t: Test,
  path: string,
  { options: chain, publicKey }: ReturnType<typeof signKey>,
  keep?: ArchiveOptions['keep']
): Promise<void> {
  for (let wait = 60; wait <= 600; wait += STEP) {
    const process = startPacked()
    const ended = once(process, 'exit')
    process.send({ path, threads: 1, parquet: true, chain, keep })
    await Promise.race([ended, after(wait)])
    process.kill('SIGKILL')
    await ended
    if (!existsSync(join(dirname(path), 'chain.jsonl'))) continue
    const { breaks } = await verified(path, publicKey)
    // Before the first line there is no chain.
    t.ok(
      breaks.every(({ kind }) => kind === 'absent'),
      `after ${wait} ms: ${JSON.stringify(breaks)}`
    )
  }
}

t.test('killed at any moment, the chain is intact in the end, and no lookup is lost', async t => {
  const files = Array.from({ length: 6 }, (_, i) => [
    `queries-2023030${i + 2}T000000.104Z.jsonl`,
    lines(...Array.from({ length: 500 }, () => record(`2023-03-0${i + 1}T09:26:53.589Z`)))
  ])
  const path = logFolder(t, Object.fromEntries(files) as Record<string, string>)
  const key = signKey(t)
  await killOften(t, path, key)
  t.match(await tendOnce(path, '2026-11-26T00:00:00.000Z', { chain: key.options }), { done: true })
  t.match(await verified(path, key.publicKey), { proven: true, files: 12, unproven: [] })
  const database = await openDatabase({ memory: 256 * 1024 * 1024, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(path)
  t.strictSame(await database.rows('SELECT count(*) AS count FROM lookups'), [{ count: 3000 }])
})

t.test(
  'killed while it removes expired lookups: in the end those are removed, and nothing else',
  async t => {
    const ago = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString()
    const days = [1, 2, 3, 4, 5, 6].map(ago)
    const of = (time: string): string =>
      lines(
        ...Array.from({ length: 300 }, () => record(time)),
        ...Array.from({ length: 300 }, () => record(time, { network: 'guests' }))
      )
    const files = days.map(time => [`queries-${time.replaceAll(/[-:]/g, '')}.jsonl`, of(time)])
    const path = logFolder(t, Object.fromEntries(files) as Record<string, string>)
    const key = signKey(t)
    const keep = { days: 4, space: 0, networks: [{ id: 'guests', days: 2 }] }
    await killOften(t, path, key, keep)
    t.match(await tendOnce(path, ago(0), { chain: key.options, keep }), { done: true })
    t.match(await verified(path, key.publicKey), { proven: true, files: 8, unproven: [] })
    const database = await openDatabase({ memory: 256 * 1024 * 1024, threads: 1 })
    t.teardown(() => database.close())
    await database.openLog(path)
    const rows = await database.rows(
      'SELECT network, count(*) AS count FROM lookups GROUP BY network ORDER BY network'
    )
    t.strictSame(rows, [
      { network: 'guests', count: 600 },
      { network: 'phones', count: 1200 }
    ])
  }
)

t.test('an altered file does not block files closed later', async t => {
  const { options: chain, publicKey } = signKey(t)
  const path = logFolder(t, { [CLOSED]: lines(record('2023-03-01T09:26:53.589Z')) })
  const at = (name: string): string => join(dirname(path), name)
  await tendOnce(path, '2023-03-02T12:30:00.000Z', { parquet: false, chain })
  writeFileSync(at(CLOSED), lines(record('2023-03-01T10:00:00.000Z')))
  const { told } = rig(t, path, undefined, { chain })
  const codes = (): unknown[] => told.flatMap(({ fields }) => fields.code ?? [])
  await until(() => codes().includes('CHAIN_ALTERED'))
  await after(200)
  t.equal(codes().length, 1, 'it is not logged again and again')
  const LATER = 'queries-20230303T000000.000Z.jsonl'
  writeFileSync(at(LATER), lines(record('2023-03-02T09:26:53.589Z')))
  await until(() => told.some(({ fields }) => fields.file === LATER))
  t.equal(existsSync(at(LATER)), false, 'it is Parquet')
  t.match(await verified(path, publicKey), { breaks: [{ kind: 'altered', at: CLOSED }] })
})

t.test('the status shows the files, and what could not be done', async t => {
  const { options: chain } = signKey(t)
  const text = lines(record('2023-03-01T09:26:53.589Z'))
  const path = logFolder(t, { [CLOSED]: text, 'chain-20230301T000000.000Z.broken': '' })
  const keep = { days: 90_000, space: 1024 ** 3, networks: [] }
  const { archiver, status } = rig(t, path, undefined, { chain, keep })
  await until(() => archiver.reporter.last !== undefined)
  const end = linesOf(path).at(-1)!
  t.match(await status(), {
    // More than a week has gone by since that lookup.
    last: { at: /Z$/, outcome: 'done', errors: 1, first: [{ code: 'ARCHIVE_CLOCK' }] },
    again: null,
    parquet: 'made',
    stored: {
      ...{ days: 1, oldest: '2023-03-01', closed: 0 },
      chain: { lines: 5, sha256: createHash('sha256').update(end).digest('hex'), putAside: 1 }
    },
    ...{ limitOctets: keep.space, keepDays: keep.days, freeOctets: Number }
  })
  const stored = (await status())!.stored!.octets
  t.ok(stored > linesOf(path).join('\n').length && stored < 100_000)

  // No key, no line: what is closed now waits.
  rmSync(chain.signKey)
  writeFileSync(join(dirname(path), 'queries-20230303T000000.000Z.jsonl'), text)
  await until(() => archiver.reporter.last?.outcome === 'failed')
  t.match(await status(), {
    last: { errors: 1, first: [{ code: 'CHAIN_KEY' }] },
    again: /Z$/,
    stored: { closed: 1, chain: { lines: 5 } }
  })
})

t.test('without maintenance, the status is null', async t => {
  const { status } = rig(t, logFolder(t, {}), undefined, { parquet: false })
  t.equal(await status(), null)
})

t.test('the status has twenty errors, and the number of all', async t => {
  const news = new MaintenanceReporter()
  news.begin()
  news.onLogLine({ kind: 'log', level: 'info', fields: { code: 'X' }, message: '' })
  for (let i = 0; i < 30; i++)
    news.onLogLine({ kind: 'log', level: 'error', fields: { code: `E${i}` }, message: '' })
  news.end(0, 'failed')
  t.match(news.last, {
    errors: 30,
    first: Array.from({ length: 20 }, (_, i) => ({ code: `E${i}` }))
  })
  t.equal(news.last?.first.length, 20)
  news.begin()
  news.end(1, 'done')
  t.strictSame(news.last, { at: 1, outcome: 'done', errors: 0, first: [] })
})
