import { readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { failure } from '../../../src/base/errors/error.js'
import { bracketed, conditionError } from '../../../src/lookups/sql/condition.js'
import { openDatabase, type Database } from '../../../src/lookups/archive/database.js'
import { LOOKUP_COLUMNS } from '../../../src/lookups/sql/lookups-sql.js'
import { lines, logFolder, record } from './lines.js'

const MIB = 1024 * 1024
const [first, second, third] = [1, 2, 3].map(day => record(`2023-03-0${day}T09:26:53.589Z`))
const CLOSED = 'queries-20230302T000000.104Z.jsonl'

async function open(t: Test): Promise<Database> {
  const database = await openDatabase({ memory: 256 * MIB, threads: 1 })
  t.teardown(() => database.close())
  return database
}

/** Makes a Parquet file of lines, as another program might. */
async function parquet(t: Test, path: string, text: string): Promise<void> {
  const from = logFolder(t, { 'queries.jsonl': text })
  const database = await open(t)
  await database.run(`COPY (SELECT * FROM read_json('${from}')) TO '${path}' (FORMAT parquet)`)
}

t.test('the live file, closed files and Parquet files form one table', async t => {
  const log = logFolder(t, {
    'queries.jsonl': lines(third!),
    [CLOSED]: lines(second!),
    'archive/day=2023-03-01/queries-20230302T000000.000Z.parquet': '',
    'other.jsonl': lines(first!),
    'queries-old.jsonl': lines(first!),
    'archive/day=2023-03-01/.queries.parquet.tmp': 'half of a file'
  })
  const path = 'archive/day=2023-03-01/queries-20230302T000000.000Z.parquet'
  await parquet(t, join(dirname(log), path), lines(first!))
  const database = await open(t)
  t.strictSame(await database.openLog(log), { lines: 2, parquet: 1, broken: [] })
  const rows = await database.rows('SELECT time, us, client, "list" FROM lookups ORDER BY time')
  t.strictSame(
    rows.map(({ time, ...rest }) => ({ ...rest, time: (time as Date).toISOString() })),
    [first!, second!, third!].map(({ time, us, client }) => ({ us, client, list: null, time }))
  )
})

t.test('the newest lookups need only the files that have them', async t => {
  const days = ['01', '02', '03', '04']
  const paths = days.map(
    day => `archive/day=2023-03-${day}/queries-2023030${day}T000000.000Z.parquet`
  )
  const log = logFolder(t, {
    'queries.jsonl': lines(record('2023-03-05T00:00:00.000Z')),
    ...Object.fromEntries(paths.map(path => [path, '']))
  })
  // The second and the third day overlap, as files of others may.
  const hours = [[1], [2, 30], [3, 4, 5], [6]]
  for (const [i, path] of paths.entries()) {
    const start = Date.parse(`2023-03-${days[i]!}T00:00:00Z`)
    const made = hours[i]!.map(hour => ({
      ...record(new Date(start + hour * 3_600_000).toISOString()),
      qname: i === 3 ? 'other.example' : 'a.example'
    }))
    await parquet(t, join(dirname(log), path), lines(...made))
  }
  const newest = async (where: string | undefined, count: number) => {
    const database = await open(t)
    await database.openLog(log, 'sealed', { newest: { where, count } })
    const condition = where === undefined ? '' : `WHERE ${bracketed(where)}`
    const rows = await database.rows(`SELECT time FROM lookups ${condition} ORDER BY time DESC`)
    const [all] = await database.rows('SELECT count(*) AS n FROM lookups')
    return [
      rows.slice(0, count).map(({ time }) => (time as Date).toISOString().slice(8, 13)),
      all!.n
    ]
  }
  const name = "qname = 'a.example' -- and what else"
  t.strictSame(await newest(name, 2), [['03T06', '03T05'], 6], 'not the first day, nor the last')
  t.strictSame(await newest(name, 6), [['03T06', '03T05', '03T04', '03T03', '02T02', '01T01'], 7])
  t.strictSame(await newest("device = 'nobody'", 5), [[], 1], 'a column that no file has')
  t.strictSame(await newest(undefined, 1), [['05T00'], 2])
  const failed = await newest('nothing = 1', 1).catch((error: unknown) => error)
  t.match(conditionError(failed, 'nothing = 1'), { message: /\n--where: nothing = 1\n {9}\^$/ })
  await t.rejects(newest('true) FROM lookups; DROP VIEW lookups; SELECT (1', 1), {
    code: /^ARCHIVE_SQL/
  })
})

t.test('a period opens only the files of its days', async t => {
  const path = (day: string): string =>
    `archive/day=2023-03-0${day}/queries-2023030${day}T000000.000Z.parquet`
  const log = logFolder(t, {
    'queries.jsonl': lines(record('2023-03-04T00:00:00.000Z')),
    ...Object.fromEntries(['1', '2', '3'].map(day => [path(day), '']))
  })
  for (const day of ['1', '2', '3'])
    await parquet(t, join(dirname(log), path(day)), lines(record(`2023-03-0${day}T12:00:00.000Z`)))
  const daysOf = async (since?: string, until?: string) => {
    const period = {
      since: since === undefined ? since : Date.parse(since),
      until: until === undefined ? until : Date.parse(until)
    }
    const database = await open(t)
    const { parquet } = await database.openLog(log, 'sealed', { period })
    t.equal(parquet, 3, 'they are there, also where none is opened')
    const rows = await database.rows('SELECT time FROM lookups ORDER BY time')
    return rows.map(({ time }) => (time as Date).getUTCDate())
  }
  t.strictSame(await daysOf(), [1, 2, 3, 4])
  t.strictSame(await daysOf('2023-03-02T23:59:59Z'), [2, 3, 4])
  t.strictSame(await daysOf('2023-03-03T00:00:00Z'), [3, 4])
  t.strictSame(await daysOf('2023-03-01T00:00:00Z', '2023-03-02T00:00:00Z'), [1, 4])
  t.strictSame(await daysOf('2023-04-01T00:00:00Z'), [4], 'lines may be of any day')
})

t.test('an error in a condition has its place in the condition', async t => {
  const database = await open(t)
  await database.openLog(logFolder(t, {}))
  const placeOf = async (condition: string): Promise<string> => {
    const error: unknown = await database
      .rows(`SELECT * FROM lookups WHERE ${bracketed(condition)} ORDER BY time LIMIT 1`)
      .then(() => new Error('it is valid'))
      .catch((error: unknown) => conditionError(error, condition))
    return (error as Error).message
  }
  const long = `qname = '${'x'.repeat(90)}' AND`
  for (const [condition, message] of [
    [
      "app = = 'x'",
      /^query failed: Parser Error: .* at or near "="\n\n--where: app = = 'x'\n {15}\^$/
    ],
    ['app =', /^query failed: .* error at the end\n\n--where: app =\n {14}\^$/],
    ["app = 'x'))", /near "\)"\n\n--where: app = 'x'\)\)\n {19}\^$/],
    ["app = 'x", /unterminated quoted string at or near "'x"\n\n--where: app = 'x\n {15}\^$/],
    [
      "app = 'x'\nAND nothing = 3",
      /"nothing" not found.*\n\n--where, line 2: AND nothing = 3\n {21}\^$/s
    ],
    ["app = 'x' -- and\nAND", /at the end\n\n--where, line 2: AND\n {20}\^$/],
    [long, /--where: \.\.\.x{67}' AND\n {84}\^$/]
  ] as const)
    t.match(await placeOf(condition), message, condition)
  t.equal(await placeOf("app = 'x' -- a comment"), 'it is valid')
  for (const other of [new Error('other'), failure('ARCHIVE_SQL', 'out of memory')])
    t.equal(conditionError(other, 'app'), other)
})

t.test('a log without files is an empty table', async t => {
  const database = await open(t)
  const log = logFolder(t, {})
  t.strictSame(await database.openLog(join(log, 'not', 'there.jsonl')), {
    lines: 0,
    parquet: 0,
    broken: []
  })
  t.strictSame(await database.rows('SELECT * FROM lookups'), [])
  t.strictSame(await database.rows('SELECT * FROM foreign_lines'), [])
})

t.test('an unreadable folder is a coded error', async t => {
  const log = logFolder(t, { 'queries.jsonl': '' })
  const database = await open(t)
  await t.rejects(database.openLog(join(log, 'queries.jsonl')), { code: 'ARCHIVE_READ' })
})

t.test('the columns match docs/reference/query-log.md', async t => {
  const database = await open(t)
  await database.openLog(logFolder(t, {}))
  const columns = await database.rows('SELECT column_name, column_type FROM (DESCRIBE lookups)')
  t.strictSame(
    columns.map(({ column_name: name, column_type: type }) => [name, type]),
    Object.entries(LOOKUP_COLUMNS)
  )
  const doc = readFileSync(
    new URL('../../../../docs/reference/query-log.md', import.meta.url),
    'utf8'
  )
  const told = { time: 'TIMESTAMP', integer: 'BIGINT', string: 'VARCHAR' }
  t.match(doc, /`time` is `TIMESTAMP`, in UTC,\nan integer `BIGINT`, a string `VARCHAR`;/)
  const fields = [...doc.matchAll(/^\| `(\w+)` +\| (integer|string) +\|/gm)]
  t.strictSame(
    fields.map(([, field, type]) => [
      field,
      field === 'time' ? told.time : told[type as 'integer' | 'string']
    ]),
    Object.entries(LOOKUP_COLUMNS)
  )
})

t.test('lines that are not lookups are skipped and counted', async t => {
  const foreign = [
    'Nov 26 08:00:00 host named[7]: client query',
    '{"v":1,"time":"2023-03-0',
    '[1, 2]',
    '"text"',
    '{}',
    '{"v":99,"time":"2023-03-01T00:00:00.000Z","client":"a","qname":"b","verdict":"c"}',
    '{"v":1,"time":"yesterday","client":"a","qname":"b","verdict":"c"}',
    '\u0000\u0000\u0000\u0000'
  ]
  const log = logFolder(t, {
    'queries.jsonl': lines(first!) + '\n' + foreign.join('\n') + '\n' + lines(second!) + '{"v":1',
    [CLOSED]: Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x80, 0x0a])
  })
  const database = await open(t)
  await database.openLog(log)
  t.strictSame(await database.rows('SELECT count(*) AS n FROM lookups'), [{ n: 2 }])
  const counted = await database.rows(
    'SELECT file, count(*) AS n FROM foreign_lines GROUP BY file ORDER BY n'
  )
  t.strictSame(counted, [
    { file: join(dirname(log), CLOSED), n: 2 },
    { file: log, n: foreign.length + 1 }
  ])
})

t.test('a line of 20 MB counts as foreign, one of 40 MB is a clear error', async t => {
  const torn = (octets: number): Buffer =>
    Buffer.concat([Buffer.from(lines(first!)), Buffer.alloc(octets), Buffer.from('\n')])
  const database = await open(t)
  await database.openLog(logFolder(t, { 'queries.jsonl': torn(20 * MIB) }))
  t.strictSame(await database.rows('SELECT count(*) AS n FROM lookups'), [{ n: 1 }])
  t.strictSame(await database.rows('SELECT count(*) AS n FROM foreign_lines'), [{ n: 1 }])
  const other = await open(t)
  const path = logFolder(t, { 'queries.jsonl': torn(40 * MIB) })
  await other.openLog(path)
  const failed = { code: 'ARCHIVE_LINE', message: new RegExp(`^${path} has a line longer`) }
  await t.rejects(other.rows('SELECT count(*) AS n FROM lookups'), failed)
})

t.test('a lookup without client is a lookup', async t => {
  const rest = { ...first!, client: undefined }
  const database = await open(t)
  const log = lines({ ...rest, privacy: 'none' }, rest)
  await database.openLog(logFolder(t, { 'queries.jsonl': log }))
  t.strictSame(await database.rows('SELECT client, privacy FROM lookups'), [
    { client: null, privacy: 'none' }
  ])
})

t.test('unknown fields and fields of another type do not hide a lookup', async t => {
  const odd = { ...first!, novel: { a: [1] }, us: 'long', ede: null, rule: 7 }
  const database = await open(t)
  await database.openLog(logFolder(t, { 'queries.jsonl': lines(odd) }))
  t.strictSame(await database.rows('SELECT us, ede, rule, app FROM lookups'), [
    { us: null, ede: null, rule: '7', app: 'tiktok' }
  ])
})

t.test('Parquet of an older schema has NULL for missing columns', async t => {
  const path = 'archive/day=2023-03-01/queries-20230302T000000.000Z.parquet'
  const log = logFolder(t, { [path]: '' })
  const old = { v: 1, time: first!.time, client: 'a', qname: 'b', verdict: 'blocked', us: 3 }
  await parquet(t, join(dirname(log), path), lines(old))
  const database = await open(t)
  await database.openLog(log)
  t.match(await database.rows('SELECT client, app, us FROM lookups'), [
    { client: 'a', app: null, us: 3 }
  ])
})

t.test('files renamed or removed meanwhile are read exactly once', async t => {
  const log = logFolder(t, { 'queries.jsonl': lines(third!), [CLOSED]: lines(second!) })
  const database = await open(t)
  await database.openLog(log)
  renameSync(log, join(dirname(log), 'queries-20230304T000000.000Z.jsonl'))
  rmSync(join(dirname(log), CLOSED))
  t.strictSame(await database.rows('SELECT count(*) AS n FROM lookups'), [{ n: 2 }])
})

t.test('a closed file that is also Parquet counts once', async t => {
  const path = 'archive/day=2023-03-02/queries-20230302T000000.104Z.parquet'
  const log = logFolder(t, { [CLOSED]: lines(second!), [path]: 'half of a file' })
  const database = await open(t)
  t.strictSame(await database.openLog(log), { lines: 1, parquet: 0, broken: [] })
})

t.test('SQL of others can read but not write', async t => {
  const log = logFolder(t, { 'queries.jsonl': lines(first!) })
  const database = await open(t)
  await database.openLog(log)
  t.match(await database.table('SELECT app, us AS app FROM lookups;'), {
    columns: ['app', 'app:1'],
    rows: [{ app: 'tiktok', 'app:1': 12 }]
  })
  t.match(await database.rows('SELECT $name AS name, $n + 1 AS n', { name: "o'", n: 1 }), [
    { name: "o'", n: 2 }
  ])
  const writing = [
    `COPY (SELECT 1) TO '${log}' (USE_TMP_FILE false)`,
    'CREATE TABLE mine AS SELECT 1',
    'DROP VIEW lookups',
    "SET memory_limit = '1TB'",
    "ATTACH 'mine.db'",
    'INSTALL httpfs',
    'SELECT 1; SELECT 2'
  ]
  for (const sql of writing) {
    await t.rejects(database.rows(sql), { code: 'ARCHIVE_SQL_WRITES' }, sql)
  }
  for (const sql of ['SELECT nothing', 'SELEKT', '']) {
    await t.rejects(database.rows(sql), { code: 'ARCHIVE_SQL' }, sql)
  }
  t.equal(readFileSync(log, 'utf8'), lines(first!))
})

t.test('closing during a query fails that query only', async t => {
  const database = await openDatabase({ memory: 256 * MIB, threads: 1 })
  const query = database.rows('SELECT sum(a.range * b.range) FROM range(100000) a, range(100000) b')
  const failed = t.rejects(query, { code: 'ARCHIVE_SQL' })
  // While DuckDB prepares it, when an interrupt alone would be lost.
  await new Promise(resolve => setImmediate(resolve))
  database.close()
  await failed
})
