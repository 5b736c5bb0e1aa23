import t, { type Test } from 'tap'
import { clientRemarks } from '../../src/analysis/report/questions/client-remarks.js'
import { openDatabase, type Database } from '../../src/lookups/archive/database.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'

async function logOf(t: Test, ...records: readonly QueryRecord[]): Promise<Database> {
  const database = await openDatabase({ memory: 64 * 2 ** 20, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(logFolder(t, { 'queries.jsonl': lines(...records) }))
  return database
}

const TIME = '2026-11-02T09:30:00.000Z'

/** As many blocked lookups of each client. */
const blockedBy = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).flatMap(([client, count]) =>
    Array.from({ length: count }, () => record(TIME, { client, verdict: 'blocked' }))
  )

t.test('a client with most blocked lookups is named', async t => {
  const others = { '10.0.0.2': 20, '10.0.0.3': 30, '10.0.0.4': 20, '10.0.0.5': 20 }
  const busy = await logOf(t, ...blockedBy({ ...others, '10.0.0.1': 900 }))
  t.strictSame(await clientRemarks(busy, {}), [], 'of few lookups')
  const busier = await logOf(t, ...blockedBy({ ...others, '10.0.0.1': 9_100 }))
  t.strictSame(await clientRemarks(busier, {}), [
    'The client 10.0.0.1 has 99.0% of all blocked lookups.'
  ])
  const clients = { shown: '10.0.0.1', aliases: [{ names: ['10.0.0.1'] }] }
  t.strictSame(await clientRemarks(busier, { clients }), [], 'it was asked for')
  const even = await logOf(t, ...blockedBy({ a: 400, b: 400, c: 400, d: 400, e: 400 }))
  t.strictSame(await clientRemarks(even, {}), [])
})
