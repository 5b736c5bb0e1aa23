import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../../src/lookups/archive/database.js'
import type { QueryRecord } from '../../../src/lookups/event/schema.js'
import { kindsOf, linesOf, signKey, tendOnce, verified } from './chain/rig.js'
import { lines, logFolder, record } from './lines.js'

const EARLY = 'queries-20230302T000000.104Z.jsonl'
const LATE = 'queries-20230302T120000.000Z.jsonl'
const NOON = '2023-03-02T12:30:00.000Z'
const MIDNIGHT = '2023-03-03T00:00:10.000Z'
const DAY = Date.parse('2023-03-01')

/** So many lookups of one client, all of a day and all alike. */
const alike = (day: string, count: number, fields: Partial<QueryRecord> = {}): string =>
  lines(...Array.from({ length: count }, (_, i) => record(`${day}T09:${10 + i}:00.000Z`, fields)))

async function tended(t: Test, files: Record<string, string>) {
  const path = logFolder(t, files)
  t.match(await tendOnce(path, NOON, {}), { done: true })
  return { path, at: (name: string) => join(dirname(path), name) }
}

/** In how many rows lookups are counted, how many they are, and from when to when. */
async function counted(
  path: string,
  period: { since?: number; until?: number } = {},
  by: 'client' | 'name' = 'client'
): Promise<unknown[]> {
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  try {
    await database.openLog(path, 'often')
    const [row] = await database.rows<{ rows: number; n: number; first: Date; last: Date }>(
      `SELECT count(*) AS "rows", coalesce(sum(n), 0)::BIGINT AS n, min(first) AS first,
        max(last) AS last FROM (${database.selectCounts(by, period)})`
    )
    const at = (time: Date | null): string | undefined => time?.toISOString().slice(0, 16)
    return [row!.rows, row!.n, at(row!.first), at(row!.last)]
  } finally {
    database.close()
  }
}

const talliesIn = (path: string): string[] => {
  const folder = join(dirname(path), 'archive/tallies')
  return existsSync(folder) ? readdirSync(folder).sort() : []
}

t.test('lookups in Parquet are counted by tallies, the others one by one', async t => {
  const { path } = await tended(t, {
    [EARLY]: alike('2023-03-01', 5),
    'queries.jsonl': alike('2023-03-02', 3)
  })
  t.match(talliesIn(path), [/^2023-03-01-[0-9a-f]{16}-[0-9a-f]{16}\.tally$/])
  t.strictSame(await counted(path), [4, 8, '2023-03-01T09:10', '2023-03-02T09:12'])
  t.strictSame(await counted(path, {}, 'name'), [4, 8, '2023-03-01T09:10', '2023-03-02T09:12'])
})

t.test('names are counted if a rule matched, clients always', async t => {
  const { path } = await tended(t, {
    [EARLY]: alike('2023-03-01', 5) + alike('2023-03-01', 4, { verdict: 'cached' }),
    'queries.jsonl': alike('2023-03-02', 3, { verdict: 'cached' })
  })
  t.match(await counted(path), [5, 12])
  t.match(await counted(path, {}, 'name'), [1, 5])
})

t.test('for part of a day the lookups themselves are read', async t => {
  const { path } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
  const at = (minutes: number): number => DAY + (9 * 60 + minutes) * 60_000
  const end = DAY + 86_400_000
  const [first, last] = ['2023-03-01T09:10', '2023-03-01T09:14']
  t.strictSame(await counted(path, { since: DAY, until: end }), [1, 5, first, last])
  t.strictSame(await counted(path, { since: DAY - 1 }), [1, 5, first, last])
  t.strictSame(await counted(path, { since: DAY + 1 }), [5, 5, first, last])
  t.strictSame(await counted(path, { until: end - 1 }), [5, 5, first, last])
  t.strictSame(await counted(path, { since: at(11) }), [4, 4, '2023-03-01T09:11', last])
  t.strictSame(await counted(path, { until: at(11) }), [1, 1, first, first])
  const one = '2023-03-01T09:11'
  t.strictSame(await counted(path, { since: at(11), until: at(12) }), [1, 1, one, one])
  t.strictSame(await counted(path, { since: end }), [0, 0, undefined, undefined])
  t.strictSame(await counted(path, { until: DAY }), [0, 0, undefined, undefined])
})

t.test('a tally belongs to exactly one file', async t => {
  const { path, at } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
  const [tally] = talliesIn(path)
  const other = await tended(t, { [EARLY]: alike('2023-03-01', 4) })
  const folder = 'archive/day=2023-03-01'
  const [file] = readdirSync(at(folder))
  copyFileSync(other.at(`${folder}/${file}`), at(`${folder}/${file}`))
  t.match(await counted(path), [4, 4], 'it is not looked at')
  await tendOnce(path, NOON, {})
  t.match(await counted(path), [1, 4])
  t.notOk(talliesIn(path).includes(tally!), 'and goes')
  t.strictSame(talliesIn(path), talliesIn(other.path))
})

t.test('a file without a tally, or with half of one, is read itself', async t => {
  const { path, at } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
  const tally = at(`archive/tallies/${talliesIn(path)[0]}`)
  truncateSync(tally, statSync(tally).size - 1)
  t.match(await counted(path), [5, 5])
  await tendOnce(path, NOON, {})
  t.match(await counted(path), [1, 5], 'it is rebuilt')
  rmSync(at('archive/tallies'), { recursive: true })
  t.match(await counted(path), [5, 5])
  await tendOnce(path, NOON, {})
  t.match(await counted(path), [1, 5], 'so is one that is gone')
})

t.test(
  'instead of a tally that was altered the lookups are read, and that is reported',
  async t => {
    const { path, at } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
    const other = await tended(t, { [EARLY]: alike('2023-03-01', 7) })
    const tally = at(`archive/tallies/${talliesIn(path)[0]}`)
    copyFileSync(other.at(`archive/tallies/${talliesIn(other.path)[0]}`), tally)
    const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
    t.teardown(() => database.close())
    await database.openLog(path, 'often')
    t.strictSame(database.alteredTallies, [], 'it was not needed yet')
    database.selectCounts('client', { since: DAY + 86_400_000 })
    t.strictSame(database.alteredTallies, [], 'nor for another day')
    for (const by of ['client', 'name'] as const) {
      const sql = `SELECT count(*) AS "rows", sum(n)::BIGINT AS n FROM (${database.selectCounts(by, {})})`
      t.strictSame(await database.rows(sql), [{ rows: 5, n: 5 }])
    }
    t.strictSame(database.alteredTallies, [tally])
    rmSync(tally)
    await tendOnce(path, NOON, {})
    t.match(await counted(path), [1, 5], 'a deleted one is rebuilt')
  }
)

t.test('a file keeps one tally, and none of another layout', async t => {
  const { path, at } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
  const [tally] = talliesIn(path)
  const [, stem] = /^(.*)-/.exec(tally!)!
  writeFileSync(at(`archive/tallies/${stem}-${'0'.repeat(16)}.tally`), 'half')
  writeFileSync(at(`archive/tallies/${stem}.tally`), 'PAR1 previous PAR1')
  rmSync(at(`archive/tallies/${tally}`))
  await tendOnce(path, NOON, {})
  t.strictSame(talliesIn(path), [tally])
})

t.test('tallies are compacted with the files of a day', async t => {
  const { path } = await tended(t, {
    [EARLY]: alike('2023-03-02', 5),
    [LATE]: alike('2023-03-02', 4)
  })
  t.equal(talliesIn(path).length, 2)
  t.match(await counted(path), [2, 9])
  await tendOnce(path, MIDNIGHT, {})
  t.equal(talliesIn(path).length, 1)
  t.match(await counted(path), [1, 9])
})

t.test(
  'crash between a file and its tally: the file is read, and the tally is created',
  async t => {
    const { path, at } = await tended(t, {
      [EARLY]: alike('2023-03-02', 5),
      [LATE]: alike('2023-03-02', 4)
    })
    const before = talliesIn(path).map(name => at(`archive/tallies/${name}`))
    const copies = before.map(tally => readFileSync(tally))
    await tendOnce(path, MIDNIGHT, {})
    const made = talliesIn(path).map(name => at(`archive/tallies/${name}`))
    // As it is after the merged file was put in its place.
    made.forEach(tally => rmSync(tally))
    before.forEach((tally, i) => writeFileSync(tally, copies[i]!))
    t.match(await counted(path), [9, 9])
    await tendOnce(path, MIDNIGHT, {})
    t.match(await counted(path), [1, 9])
    t.strictSame(
      talliesIn(path).map(name => at(`archive/tallies/${name}`)),
      made
    )
  }
)

t.test('lines converted twice count once, with or without a tally', async t => {
  const { path, at } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
  writeFileSync(at(EARLY), alike('2023-03-01', 5))
  t.match(await counted(path), [5, 5])
})

t.test('a file of others gets no tally if it has other days', async t => {
  const { path, at } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
  mkdirSync(at('archive/day=2023-02-28'))
  const [file] = readdirSync(at('archive/day=2023-03-01'))
  copyFileSync(at(`archive/day=2023-03-01/${file}`), at('archive/day=2023-02-28/copy.parquet'))
  mkdirSync(at('archive/day=2023-02-31'))
  copyFileSync(at(`archive/day=2023-03-01/${file}`), at('archive/day=2023-02-31/copy.parquet'))
  t.match(await tendOnce(path, NOON, {}), { done: true })
  t.equal(talliesIn(path).length, 1)
  t.match(await counted(path), [11, 15])
  t.match(await counted(path, { since: DAY, until: DAY + 86_400_000 }), [11, 15])
})

t.test('a file that is not named like a tally stays', async t => {
  const { path, at } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
  writeFileSync(at('archive/tallies/notes.txt'), 'mine')
  await tendOnce(path, NOON, {})
  t.equal(readFileSync(at('archive/tallies/notes.txt'), 'utf8'), 'mine')
})

t.test('a client removed from a file is in no tally', async t => {
  const guests = alike('2023-03-01', 3, { network: 'guests', client: '10.9.9.9' })
  const { path, at } = await tended(t, { [EARLY]: alike('2023-03-01', 5) + guests })
  t.match(await counted(path), [2, 8])
  const keep = { days: 0, space: 0, networks: [{ id: 'guests', days: 1 }] }
  await tendOnce(path, '2023-03-04T00:00:10.000Z', { keep })
  t.match(await counted(path), [1, 5])
  const all = talliesIn(path).map(name => readFileSync(at(`archive/tallies/${name}`), 'latin1'))
  t.equal(all.length, 1)
  t.notMatch(all.join(''), /10\.9\.9\.9/)
})

for (const keep of [
  { days: 1, space: 0, networks: [] },
  { days: 0, space: 1, networks: [] }
]) {
  t.test(`tallies expire with their day: ${JSON.stringify(keep)}`, async t => {
    const { path } = await tended(t, { [EARLY]: alike('2023-03-01', 5) })
    t.equal(talliesIn(path).length, 1)
    await tendOnce(path, '2023-03-04T00:00:10.000Z', { keep, parquet: false })
    t.strictSame(talliesIn(path), [])
  })
}

t.test('the chain records tallies, and does not need them', async t => {
  const key = signKey(t)
  const path = logFolder(t, { [EARLY]: alike('2023-03-02', 5), [LATE]: alike('2023-03-02', 4) })
  const at = (name: string): string => join(dirname(path), name)
  await tendOnce(path, NOON, { chain: key.options })
  const [, tally] = talliesIn(path)
  const away = at(`${tally}.away`)
  renameSync(at(`archive/tallies/${tally}`), away)
  t.match(await verified(path, key.publicKey), {
    proven: true,
    unproven: [{ kind: 'unfinished', at: `archive/tallies/${tally}` }]
  })
  await tendOnce(path, NOON, { chain: key.options })
  t.match(await verified(path, key.publicKey), { proven: true, unproven: [], files: 4 })
  t.match(await counted(path), [2, 9])
  await tendOnce(path, MIDNIGHT, { chain: key.options })
  const found = await verified(path, key.publicKey)
  t.match(found, { proven: true, unproven: [], files: 2, removed: 2 })
  const [removed] = linesOf(path).filter(line => line.includes('"why":"stale"'))
  t.match(removed, new RegExp(tally!))
})

t.test('a tally unknown to the chain is rebuilt', async t => {
  const key = signKey(t)
  const path = logFolder(t, { [EARLY]: alike('2023-03-01', 5) })
  await tendOnce(path, NOON, { chain: key.options, parquet: false })
  await tendOnce(path, NOON, {})
  const [tally] = talliesIn(path)
  writeFileSync(join(dirname(path), 'archive/tallies', tally!), 'PAR1 forged PAR1')
  t.match(
    (await verified(path, key.publicKey)).breaks.map(({ kind }) => kind),
    ['missing', 'extra', 'extra']
  )
  t.match(await tendOnce(path, NOON, { chain: key.options }), { done: true })
  t.notOk(kindsOf(path).includes('replaced'), 'of a file that it does not have, none is made')
})
