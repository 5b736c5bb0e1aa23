import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../../src/lookups/archive/database.js'
import { maintainArchive } from '../../../src/lookups/archive/maintain.js'
import { readMetadata } from '../../../src/lookups/archive/parquet-metadata.js'
import type { LogFields } from '../../../src/base/log/service-log.js'
import { lines, logFolder, record } from './lines.js'

const MIB = 1024 * 1024
const CLOSED = 'queries-20230302T000000.104Z.jsonl'
const LATER = 'queries-20230302T120000.000Z.jsonl'
const PARQUET = 'queries-20230302T000000.104Z.parquet'
const [first, second, third] = [1, 2, 3].map(day => record(`2023-03-0${day}T09:26:53.589Z`))
const today = Date.parse('2023-03-02T13:00:00Z')

/** Runs maintenance once. @returns whether every step succeeded */
async function run(path: string, wall = today) {
  const told: { level: string; fields: LogFields }[] = []
  const at = (level: string) => (fields: LogFields) => void told.push({ level, fields })
  const log = { info: at('info'), warn: at('warn'), error: at('error') }
  return {
    done: await maintainArchive(
      { path, threads: 1, parquet: true, chain: undefined, keep: undefined },
      wall,
      log
    ),
    told
  }
}

/** Times of all lookups, sorted. */
async function times(t: Test, path: string): Promise<string[]> {
  const database = await openDatabase({ memory: 256 * MIB, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(path)
  const rows = await database.rows('SELECT time FROM lookups ORDER BY time')
  return rows.map(({ time }) => (time as Date).toISOString())
}

const inDay = (path: string, day: string): string[] =>
  readdirSync(join(dirname(path), 'archive', `day=${day}`)).sort()

t.test('closed files become Parquet by UTC day, with metadata on their source', async t => {
  const text = lines(second!, first!) + '{"v":1,"time":"2023'
  const path = logFolder(t, { 'queries.jsonl': lines(third!), [CLOSED]: text })
  const { done, told } = await run(path)
  t.equal(done, true)
  t.match(told, [{ level: 'warn', fields: { file: CLOSED, records: 2, foreign: 1 } }])
  t.equal(existsSync(join(dirname(path), CLOSED)), false)
  t.strictSame(readdirSync(join(dirname(path), 'archive')), [
    'day=2023-03-01',
    'day=2023-03-02',
    'tallies'
  ])
  t.strictSame(inDay(path, '2023-03-01'), [PARQUET])
  t.strictSame(
    await times(t, path),
    [first!, second!, third!].map(({ time }) => time)
  )
  const database = await openDatabase({ memory: 256 * MIB, threads: 1 })
  t.teardown(() => database.close())
  const file = join(dirname(path), 'archive/day=2023-03-02', PARQUET)
  const sha256 = createHash('sha256').update(text).digest('hex')
  t.strictSame(await readMetadata(database, file), {
    schema: 1,
    sources: [{ file: CLOSED, sha256, records: 2, foreign: 1 }],
    without: []
  })
})

t.test('all lines count, not only the first and the last', async t => {
  const at = (time: string): string => lines({ ...second!, time })
  const [noon, night] = [at('2023-03-02T12:00:00.000Z'), at('2023-03-02T23:00:00.000Z')]
  const middles = [
    { text: lines(first!), records: 3, foreign: 0 },
    { text: 'a foreign line\n', records: 2, foreign: 1 },
    { text: '\n', records: 2, foreign: 0 },
    { text: lines(first!) + '{"v":1,"time":"2023\n' + lines(third!), records: 4, foreign: 1 }
  ]
  for (const { text, records, foreign } of middles) {
    const path = logFolder(t, { [CLOSED]: noon + text + night })
    const { done, told } = await run(path)
    t.equal(done, true)
    t.match(told, [{ fields: { records, foreign } }])
    t.equal((await times(t, path)).length, records)
    const database = await openDatabase({ memory: 256 * MIB, threads: 1 })
    t.teardown(() => database.close())
    const file = join(dirname(path), 'archive/day=2023-03-02', PARQUET)
    t.match(await readMetadata(database, file), { sources: [{ records, foreign }] })
    t.notOk(existsSync(join(dirname(path), CLOSED)))
  }
})

t.test('the files of a past day are compacted', async t => {
  const path = logFolder(t, {
    [CLOSED]: lines(second!),
    [LATER]: lines({ ...second!, time: '2023-03-02T09:00:00.000Z' })
  })
  await run(path)
  t.equal(inDay(path, '2023-03-02').length, 2, 'not while it lasts')
  t.equal((await run(path, Date.parse('2023-03-03T00:00:01Z'))).done, true)
  const [merged, ...others] = inDay(path, '2023-03-02')
  t.match(merged, /^merged-[0-9a-f]{16}\.parquet$/)
  t.strictSame(others, [])
  t.strictSame(await times(t, path), ['2023-03-02T09:00:00.000Z', second!.time])
  const database = await openDatabase({ memory: 256 * MIB, threads: 1 })
  t.teardown(() => database.close())
  const origin = await readMetadata(
    database,
    join(dirname(path), 'archive/day=2023-03-02', merged!)
  )
  t.strictSame(
    origin.sources.map(({ file }) => file),
    [CLOSED, LATER]
  )
})

t.test('an incomplete Parquet file is replaced', async t => {
  const path = logFolder(t, {
    [CLOSED]: lines(first!, second!),
    [`archive/day=2023-03-01/${PARQUET}`]: 'PAR1 and nothing more',
    'archive/.making/queries.parquet': 'PAR1',
    'archive/day=2023-03-01/other.parquet': 'PAR1 half'
  })
  const expected = [first!, second!].map(({ time }) => time)
  t.strictSame(await times(t, path), expected, 'lines count while they are there')
  t.equal((await run(path)).done, false, 'files left by others are reported')
  t.strictSame(await times(t, path), expected)
  t.equal(existsSync(join(dirname(path), 'archive/.making')), false)
})

t.test('crash between two steps of a compaction: nothing counts twice', async t => {
  const path = logFolder(t, { [CLOSED]: lines(second!), [LATER]: lines(second!) })
  await run(path)
  const archive = join(dirname(path), 'archive')
  const from = inDay(path, '2023-03-02').map(name => `day=2023-03-02/${name}`)
  const into = 'day=2023-03-02/merged.parquet'
  writeFileSync(join(archive, 'replacing.json'), JSON.stringify({ into, from }))
  t.equal((await times(t, path)).length, 2, 'before the merged file is there')
  const half = await openDatabase({ memory: 256 * MIB, threads: 1 })
  t.teardown(() => half.close())
  const paths = from.map(name => `'${join(archive, name)}'`).join(', ')
  await half.run(`COPY (FROM read_parquet([${paths}])) TO '${join(archive, into)}'`)
  t.equal((await times(t, path)).length, 2, 'when it is')
  await run(path)
  t.equal((await times(t, path)).length, 2, 'and later')
  t.strictSame(inDay(path, '2023-03-02'), ['merged.parquet'])
})

t.test('lines of a newer schema stay, and so do files without lookups', async t => {
  const newer = { ...second!, v: 99 }
  const path = logFolder(t, { [CLOSED]: lines(first!, newer), [LATER]: 'a foreign line\n' })
  const { done, told } = await run(path)
  t.equal(done, false)
  t.match(told[0], { level: 'warn', fields: { code: 'ARCHIVE_NEWER' } })
  t.equal(readFileSync(join(dirname(path), CLOSED), 'utf8'), lines(first!, newer))
  t.equal(readFileSync(join(dirname(path), `${LATER}.foreign`), 'utf8'), 'a foreign line\n')
})

t.test('in an unwritable folder, closed files stay', async t => {
  const path = logFolder(t, { [CLOSED]: lines(second!), archive: 'a file' })
  await t.rejects(run(path), { code: 'ARCHIVE_FAILED' })
  t.equal(readFileSync(join(dirname(path), CLOSED), 'utf8'), lines(second!))
})

t.test('a file that cannot be put in place stays, and others are not affected', async t => {
  const path = logFolder(t, {
    [CLOSED]: lines(first!),
    [LATER]: lines(second!),
    'archive/day=2023-03-01': 'a file'
  })
  const { done, told } = await run(path)
  t.equal(done, false)
  t.match(told[0], { level: 'warn', fields: { code: 'ARCHIVE_FAILED' } })
  t.equal(existsSync(join(dirname(path), CLOSED)), true)
  t.equal(existsSync(join(dirname(path), LATER)), false)
})
