import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { copyToParquet, parquetMetadata } from '../../src/lookups/archive/parquet-metadata.js'
import { identifier, LOOKUP_COLUMNS } from '../../src/lookups/sql/lookups-sql.js'
import { MS_PER_DAY, type Milliseconds } from '../../src/base/units.js'

/** The first day of generated logs. */
export const FIRST_DAY: Milliseconds = Date.UTC(2026, 9, 1)
/** One lookup in so many is of the app `rare`. */
export const RARE = 10_000
const CLIENTS = 20_000
const NAMES = 1_000_000
const MEMORY = 2 ** 30

/** A number below 1 that depends on the row and the salt alone. */
const random = (salt: number): string => `(hash(i * 64 + ${salt}) >> 11) / 9007199254740992.0`
/** A rank below `count` by Zipf's law: popular ones are low. */
const zipf = (salt: number, count: number): string =>
  `floor(pow(${count}, ${random(salt)}))::BIGINT - 1`

/** Names are `h7.d7.example`, below one of 5,000 domains. */
const VALUES: Readonly<Record<string, string>> = {
  v: '1',
  client: `'10.' || (client >> 8) || '.' || (client & 255) || '.' || (client % 251)`,
  network: `CASE client % 5 WHEN 0 THEN 'guests' WHEN 1 THEN 'schools' ELSE 'staff' END`,
  protocol: `CASE WHEN client % 4 = 0 THEN 'dot' ELSE 'udp' END`,
  qname: `'h' || name || '.d' || (name % 5000) || '.example'`,
  qtype: `CASE i % 5 WHEN 0 THEN 'HTTPS' WHEN 1 THEN 'AAAA' WHEN 2 THEN 'AAAA' ELSE 'A' END`,
  rcode: `CASE WHEN outcome < 0.05 THEN 'NXDOMAIN' ELSE 'NOERROR' END`,
  verdict: `CASE WHEN rare OR outcome > 0.98 THEN 'blocked' WHEN outcome < 0.3 THEN 'forwarded' ELSE 'cached' END`,
  match: `CASE WHEN rare OR outcome > 0.98 THEN 'name' END`,
  app: `CASE WHEN rare THEN 'rare' WHEN outcome > 0.98 THEN 'video' END`,
  ban: `CASE WHEN rare THEN 'rare-ban' WHEN outcome > 0.98 THEN 'video-ban' END`,
  us: '40 + (i * 7919) % 2000',
  generation: '1'
}

/**
 * Writes the archive of a log of ordinary traffic, in Parquet as the gateway does: the same for the same numbers.
 *
 * @param count lookups, the same number each day
 */
export async function generateLog(
  folder: string,
  count: number,
  days: number,
  say: (text: string) => void = () => undefined
): Promise<void> {
  const database = await openDatabase({ memory: MEMORY, threads: 2, preserveOrder: true })
  const perDay = Math.ceil(count / days)
  const step = (MS_PER_DAY * 1000) / perDay
  const columns = Object.entries(LOOKUP_COLUMNS).map(([column, type]) => {
    const value = column === 'time' ? 'time' : (VALUES[column] ?? 'NULL')
    return `(${value})::${type} AS ${identifier(column)}`
  })
  try {
    for (let day = 0; day < days; day++) {
      const start = new Date(FIRST_DAY + day * MS_PER_DAY)
      const date = start.toISOString().slice(0, 10)
      const path = join(folder, 'archive', `day=${date}`)
      await mkdir(path, { recursive: true })
      const rows = `SELECT i, ${zipf(1, CLIENTS)} AS client, ${zipf(2, NAMES)} AS name,
          ${random(3)} AS outcome, hash(i * 64 + 4) % ${RARE} = 0 AS rare,
          TIMESTAMP '${date}' + to_microseconds((${step} * (i - ${day * perDay}))::BIGINT) AS time
        FROM range(${day * perDay}, ${(day + 1) * perDay}) AS t(i)`
      const next = new Date(Number(start) + MS_PER_DAY).toISOString().slice(0, 10)
      const file = join(path, `queries-${next.replaceAll('-', '')}T000000.000Z.parquet`)
      const sql = `SELECT ${columns.join(', ')} FROM (${rows})`
      await database.run(copyToParquet(sql, file, parquetMetadata([]), 'many'))
      say(`${date}: ${perDay} lookups`)
    }
  } finally {
    database.close()
  }
}
