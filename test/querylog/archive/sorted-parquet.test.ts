import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../../src/lookups/archive/database.js'
import { maintainArchive } from '../../../src/lookups/archive/maintain.js'
import { lines, logFolder, record } from './lines.js'

const MIB = 1024 * 1024
const DAY = '2023-03-02'

/** Lookups at seconds of the day. */
const at = (...seconds: readonly number[]): string =>
  lines(...seconds.map(second => record(new Date(Date.parse(DAY) + 1000 * second).toISOString())))

/** Seconds of the day, file by file, as its rows are in it. */
async function secondsIn(t: Test, path: string): Promise<number[][]> {
  const database = await openDatabase({ memory: 256 * MIB, threads: 1, preserveOrder: true })
  t.teardown(() => database.close())
  const folder = join(dirname(path), 'archive', `day=${DAY}`)
  const files: number[][] = []
  for (const file of readdirSync(folder).sort()) {
    const rows = await database.rows<{ time: Date }>(
      `SELECT time FROM read_parquet('${join(folder, file)}')`
    )
    files.push(rows.map(({ time }) => (time.getTime() - Date.parse(DAY)) / 1000))
  }
  return files
}

async function run(path: string, wall: string): Promise<boolean> {
  const quiet = () => undefined
  const log = { info: quiet, warn: quiet, error: quiet }
  const options = { path, threads: 2, parquet: true, chain: undefined, keep: undefined }
  return maintainArchive(options, Date.parse(wall), log)
}

t.test('Parquet is sorted by time, whatever the order of lines and files', async t => {
  const path = logFolder(t, {
    'queries-20230302T010000.000Z.jsonl': at(1, 2, 3, 3, 10),
    'queries-20230302T020000.000Z.jsonl': at(9, 11, 10, 30),
    'queries-20230302T030000.000Z.jsonl': `${at(40)}{"time":"of others"}\n${at(41)}`,
    // The clock was set back.
    'queries-20230302T040000.000Z.jsonl': at(2, 5)
  })
  t.equal(await run(path, `${DAY}T05:00:00Z`), true)
  t.strictSame(await secondsIn(t, path), [
    [1, 2, 3, 3, 10],
    [9, 10, 11, 30],
    [40, 41],
    [2, 5]
  ])
  t.equal(await run(path, '2023-03-03T00:00:01Z'), true)
  t.strictSame(await secondsIn(t, path), [[1, 2, 2, 3, 3, 5, 9, 10, 10, 11, 30, 40, 41]])
})

t.test('lines across chunks stay sorted by time', async t => {
  const many = Array.from({ length: 20_000 }, (_, i) => i)
  const path = logFolder(t, {
    'queries-20230302T010000.000Z.jsonl': at(...many),
    'queries-20230302T020000.000Z.jsonl': at(...many.map(i => i ^ 1))
  })
  t.equal(await run(path, `${DAY}T22:00:00Z`), true)
  t.strictSame(await secondsIn(t, path), [many, many])
})
