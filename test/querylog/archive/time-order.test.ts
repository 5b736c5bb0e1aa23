import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { openDatabase, type Database } from '../../../src/lookups/archive/database.js'
import {
  planReads,
  selectInTimeOrder,
  type TimeSpan
} from '../../../src/lookups/archive/time-order.js'
import { runs } from '../../runs.js'
import { logFolder } from './lines.js'

const MIB = 1024 * 1024

/** Times of a file's rows, in file order. */
type Times = readonly number[]

const fileOf = (times: Times) => ({
  times,
  first: Math.min(...times),
  last: Math.max(...times),
  outOfOrder: times.filter((time, i) => time < (times[i - 1] ?? -Infinity)).length
})

/** The times read when files are read as planned. */
function read(files: readonly Times[]): number[] {
  const plan = planReads(files.map(fileOf))
  const within = (time: number, { first, last }: TimeSpan) => first <= time && time <= last
  const stretches = plan.flatMap(({ resort: again }) => again ?? [])
  return plan.flatMap(({ file, resort: again }) => [
    ...(again === undefined
      ? []
      : files
          .flat()
          .filter(time => within(time, again))
          .sort((a, b) => a - b)),
    ...file.times.filter(time => !stretches.some(stretch => within(time, stretch)))
  ])
}

t.test('reading as planned yields every row once, in order of time', async t => {
  const sorted = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 8 })
  const any = sorted.map(times => times.toSorted((a, b) => a - b))
  const files = fc.array(fc.oneof({ weight: 4, arbitrary: any }, sorted), { maxLength: 8 })
  fc.assert(
    fc.property(files, files => {
      t.strictSame(
        read(files),
        files.flat().sort((a, b) => a - b)
      )
    }),
    runs(300)
  )
})

const plans = [
  { it: 'one after another', files: [[1, 2], [2, 3], [5]], again: [] },
  { it: 'in any order', files: [[5], [2, 3], [1, 2]], again: [] },
  { it: 'that have a second in common', files: [[1, 3], [2, 9], [8, 12]], again: [[2, 3], [8, 9]] }, // prettier-ignore
  { it: 'one within another', files: [[1, 9], [3, 4], [10]], again: [[3, 9]] },
  { it: 'of which one is in no order', files: [[1, 2], [5, 4, 6], [7]], again: [[4, 6]] }
]
for (const { it, files, again } of plans) {
  t.test(`of files ${it}, only that is sorted again`, async t => {
    const found = planReads(files.map(fileOf)).flatMap(({ resort: again }) => again ?? [])
    t.strictSame(
      found.map(({ first, last }) => [first, last]),
      again
    )
  })
}

async function write(database: Database, path: string, times: readonly string[]): Promise<void> {
  const values = times.map((time, i) => `(${time}, '${path.at(-1)}${i}')`).join(', ')
  await database.run(`COPY (SELECT * FROM (VALUES ${values}) AS t(time, qname)) TO '${path}' (FORMAT parquet)`) // prettier-ignore
}

const days = [
  {
    it: 'that follow each other',
    files: [
      [1, 2, 3],
      [3, 4]
    ]
  },
  {
    it: 'that have some time in common',
    files: [
      [1, 4, 6],
      [5, 7, 9],
      [9, 11, 12],
      [10, 13]
    ]
  },
  {
    it: 'of which one is in no order',
    files: [
      [1, 9],
      [3, 2, 5]
    ]
  },
  { it: 'more than are worth a plan', files: Array.from({ length: 40 }, (_, i) => [i, i + 1.5]) },
  { it: 'of which one has no row', files: [[2, 3], [], [1]] },
  { it: 'without any row', files: [[]] },
  {
    it: 'of which one has a row of no time',
    files: [
      [1, 5],
      [2, NaN, 3]
    ]
  }
]
for (const { it, files } of days) {
  t.test(`rows of files ${it} come in order of time`, async t => {
    const folder = dirname(logFolder(t, {}))
    const database = await openDatabase({ memory: 256 * MIB, threads: 2, preserveOrder: true })
    t.teardown(() => database.close())
    const paths: string[] = []
    for (const [i, times] of files.entries()) {
      const path = join(folder, String.fromCharCode(97 + i))
      const wanted = times.map(time =>
        Number.isNaN(time) ? 'NULL::TIMESTAMP' : `make_timestamp(${time * 1e6})`
      )
      if (wanted.length > 0) await write(database, path, wanted)
      else await database.run(`COPY (SELECT now()::TIMESTAMP AS time WHERE false) TO '${path}' (FORMAT parquet)`) // prettier-ignore
      paths.push(path)
    }
    const { rows, release } = await selectInTimeOrder(database, paths.toReversed(), folder)
    const found = await database.rows<{ time: Date | null; qname: string }>(rows)
    const seconds = found.map(({ time }) => (time === null ? NaN : time.getTime() / 1000))
    const all = files.flat()
    const wanted = [
      ...all.filter(Number.isFinite).sort((a, b) => a - b),
      ...all.filter(Number.isNaN)
    ]
    t.strictSame(seconds, wanted)
    t.equal(new Set(found.map(({ qname }) => qname)).size, all.length, 'each once')
    release()
    t.equal(readdirSync(folder).length, files.length, 'what was made for it is gone')
  })
}
