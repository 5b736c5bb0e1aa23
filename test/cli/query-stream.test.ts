import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openPipe } from '../../src/base/system/pipe.js'
import { openDatabase, type Database } from '../../src/lookups/archive/database.js'
import { LOOKUP_COLUMNS, identifier, quoted } from '../../src/lookups/sql/lookups-sql.js'
import { remaining } from '../../src/cli/args/open-log.js'
import { writeRows } from '../../src/cli/output/log/query-rows.js'
import { interdict, PROGRAM } from './run.js'

/** Rows that took 500 MB when all of them were in memory. */
const ROWS = 200_000
const MOST_KB = 150 * 1024

/** Columns that a made-up log has. */
const VALUES: Readonly<Record<string, string>> = {
  v: '1',
  time: `TIMESTAMP '2026-11-26' + to_milliseconds(200 * i)`,
  client: `'10.20.' || (i % 199) || '.' || (i % 251)`,
  network: `CASE i % 3 WHEN 0 THEN 'staff' ELSE 'guests' END`,
  protocol: `'udp'`,
  qname: `'host' || (i * 7919 % 100003) || '.example'`,
  qtype: `'A'`,
  verdict: `CASE WHEN i % 10000 = 0 THEN 'blocked' ELSE 'cached' END`,
  us: 'i % 1000',
  generation: '1'
}

async function bigLog(t: Test): Promise<string> {
  const folder = t.testdir({})
  const day = join(folder, 'archive/day=2026-11-26')
  mkdirSync(day, { recursive: true })
  const columns = Object.entries(LOOKUP_COLUMNS).map(
    ([name, type]) => `(${VALUES[name] ?? 'NULL'})::${type} AS ${identifier(name)}`
  )
  const database = await openDatabase({ memory: 256 * 2 ** 20, threads: 1 })
  t.teardown(() => database.close())
  const path = join(day, 'queries-20261127T000000.000Z.parquet')
  await database.run(
    `COPY (SELECT ${columns.join(', ')} FROM range(${ROWS}) AS t(i)) TO ${quoted(path)} (FORMAT parquet)`
  )
  return folder
}

/** Runs the packed program; `read` returns whether it wants more of the output. */
function measured(words: readonly string[], read: (part: Buffer) => boolean) {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, PROGRAM, ...words], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let [peak, err] = [0, '']
  const look = (): void => {
    try {
      const status = readFileSync(`/proc/${child.pid!}/status`, 'latin1')
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
    } catch {
      // It has ended.
    }
  }
  const timer = setInterval(look, 10)
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  child.stdout.on('data', (part: Buffer) => {
    look()
    if (!read(part)) child.stdout.destroy()
  })
  return new Promise<{ code: number | null; peak: number; err: string }>(resolve => {
    child.on('close', code => {
      clearInterval(timer)
      resolve({ code, peak, err })
    })
  })
}

const onLinux = { skip: process.platform === 'linux' ? false : 'needs /proc and pipes' }

t.test('exports of any size take at most 150 MB, and end with their reader', onLinux, async t => {
  const log = await bigLog(t)
  for (const format of ['jsonl', 'csv', 'json']) {
    let lines = 0
    const words = ['query', '--log', log, '--format', format, 'SELECT * FROM lookups']
    const { code, peak, err } = await measured(words, part => {
      for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, at + 1)) lines++
      return true
    })
    t.equal(code, 0, err)
    t.equal(lines, ROWS + { jsonl: 0, csv: 1, json: 2 }[format]!)
    t.ok(peak > 0 && peak < MOST_KB, `${format}: ${peak} kB`)
  }
  const all = ['query', '--log', log, '--format', 'csv', 'SELECT * FROM lookups']
  let octets = 0
  const stopped = await measured(all, part => {
    octets += part.length
    return false
  })
  t.equal(stopped.code, 141, 'as for a command that SIGPIPE has ended')
  t.ok(octets < 2 ** 20, 'the rest was not read')
})

t.test('ORDER BY and GROUP BY, filters, and Parquet', onLinux, async t => {
  const log = await bigLog(t)
  const out = async (...words: string[]): Promise<string> => {
    const { code, out, err } = await interdict('query', '--log', log, ...words)
    t.equal(code, 0, err)
    return out
  }
  const sorted = (await out('--format', 'csv', 'SELECT us FROM lookups ORDER BY us DESC')).split(
    '\r\n'
  )
  t.strictSame([sorted[0], sorted[1], sorted.at(-2), sorted.length], ['us', '999', '0', ROWS + 2])
  const blocked = await out('--all', '--verdict', 'blocked', '--format', 'jsonl')
  t.equal(blocked.split('\n').length, ROWS / 10_000 + 1)
  const zone = ['--all', '--verdict', 'blocked', '--time-zone', 'Europe/Brussels']
  t.match(await out(...zone, '--format', 'jsonl'), '"time":"2026-11-26T01:00:00.000+01:00"')
  t.match(await out(...zone, '--since', '2026-11-26T23:00', '--format', 'csv'), /^v,time/)
  const file = join(log, 'out.parquet')
  await out('-o', file, 'SELECT * FROM lookups; ')
  const database = await openDatabase({ memory: 64 * 2 ** 20, threads: 1 })
  t.teardown(() => database.close())
  const [row] = await database.rows(`SELECT count(*) AS n FROM read_parquet(${quoted(file)})`)
  t.strictSame(row, { n: ROWS })
  t.match(await interdict('query', '--all', '--latest', '2'), { code: 2 })
  t.match(await interdict('query', '--time-zone', 'Mars', 'SELECT 1'), { code: 2, err: /Mars/ })
})

/** All that a SELECT writes. */
async function written(
  database: Database,
  sql: string,
  format: string,
  timeZone: string,
  isPiped: boolean
): Promise<string> {
  let text = ''
  const { columns } = await database.plan(sql)
  const pipe = isPiped ? openPipe() : undefined
  await writeRows(database, { sql, columns, format, timeZone, pipe }, 400, block => {
    text += block.toString()
    return Promise.resolve()
  })
  // The letter case of such escapes means nothing.
  return text.replaceAll('\\u001B', '\\u001b')
}

t.test('what DuckDB formats is as what the program formats', onLinux, async t => {
  const database = await openDatabase({ memory: 64 * 2 ** 20, threads: 1 })
  t.teardown(() => database.close())
  const odd = [
    `'a,b'`,
    `'say "x"'`,
    `'=1+1'`,
    `' -1'`,
    `'é'`,
    `chr(27) || '[2J'`,
    `'\\101'`,
    'NULL',
    `''`
  ]
  const rows = odd.map((text, i) => `(${i}, ${text}, TIMESTAMP '2026-0${i + 1}-15 12:00:00.250')`)
  await database.run(
    `CREATE TABLE odd AS SELECT * FROM (VALUES ${rows.join(', ')}) AS t(i, s, moment)`
  )
  const queries = [
    'SELECT * FROM odd ORDER BY i',
    'SELECT i AS x, i AS y, moment FROM odd -- the end',
    `SELECT i / 4 AS r, i::DECIMAL(9,2) AS d, -i AS n, i > 3 AS b FROM odd`,
    'SELECT 9007199254740993 AS big, sum(i) AS s, NULL AS nothing FROM odd',
    'SELECT s FROM odd WHERE false',
    `SELECT [i] AS list, {'a': s} AS struct FROM odd`
  ]
  // A date has no time zone.
  const day = `SELECT DATE '2026-11-26' + i AS day FROM odd`
  const json = await written(database, day, 'jsonl', 'UTC', true)
  t.equal(json, await written(database, day, 'jsonl', 'UTC', false))
  t.match(json, /^\{"day":"2026-11-26T00:00:00.000Z"\}\n/)
  t.equal(await written(database, day, 'jsonl', 'Asia/Tokyo', true), json)
  for (const sql of queries)
    for (const format of ['table', 'json', 'jsonl', 'csv'])
      for (const zone of ['UTC', 'Europe/Brussels', 'America/St_Johns']) {
        const expected = await written(database, sql, format, zone, false)
        t.equal(
          await written(database, sql, format, zone, true),
          expected,
          `${format} ${zone} ${sql}`
        )
      }
})

t.test('the time that is left', t => {
  t.equal(remaining(1_000, 0.5), '')
  t.equal(remaining(10_000, 0.5), ', about 10 s left')
  t.equal(remaining(60_000, 0.1), ', about 9 min left')
  t.equal(remaining(60_000, 1), '')
  t.end()
})
