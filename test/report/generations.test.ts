import t from 'tap'
import { openDatabase } from '../../src/lookups/archive/database.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import { generations } from '../../src/analysis/report/questions/generations.js'
import type { Table } from '../../src/analysis/report/report.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'

async function tableOf(
  test: { teardown(callback: () => void): unknown },
  ...records: readonly QueryRecord[]
): Promise<Table> {
  const database = await openDatabase({ memory: 2 ** 26, threads: 1 })
  test.teardown(() => database.close())
  await database.openLog(logFolder(test, { 'queries.jsonl': lines(...records) }))
  return generations(database, {})
}

t.test('the serial of bundles is told, where rules were any', async t => {
  const { columns, rows } = await tableOf(
    t,
    record('2026-11-10T01:00:00.000Z', { generation: 1, sha256: 'aa' }),
    record('2026-11-11T01:00:00.000Z', { generation: 1, sha256: 'bb', serial: 7 }),
    record('2026-11-12T01:00:00.000Z', { generation: 1, sha256: 'bb', serial: 7 }),
    record('2026-11-12T02:00:00.000Z', { generation: 2, sha256: 'cc', serial: 8 })
  )
  const keys = columns.map(({ key }) => key)
  t.strictSame(keys.slice(0, 4), ['generation', 'sha256', 'serial', 'rule'])
  t.strictSame(
    rows.map(row => row.slice(0, 3)),
    [
      [1, 'aa', null],
      [1, 'bb', 7],
      [2, 'cc', 8]
    ]
  )
  t.strictSame(
    rows.map(row => row[keys.indexOf('lookups')]),
    [1, 2, 1]
  )
})

t.test('and not where all were folders', async t => {
  const { columns, rows } = await tableOf(t, record('2026-11-10T01:00:00.000Z'))
  t.notOk(columns.some(({ key }) => key === 'serial'))
  t.equal(rows[0]!.length, columns.length)
})
