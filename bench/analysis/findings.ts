/** `node dist/bench/analysis/findings.js [CLIENTS]`: CPU time of findings on a generated day, in a process like that of the API. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newDomainsSql, reachSql } from '../../src/analysis/explore/new-domains.js'
import { domainSql, suffixesSql } from '../../src/analysis/report/questions/registrable-sql.js'
import { readTunnels, tunnelSql } from '../../src/analysis/explore/tunnel-findings.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { ordinary } from '../../test/report/ordinary-names.js'

const START = Date.UTC(2026, 10, 10)
const DAY = 86_400_000
const clients = Number(process.argv[2] ?? 1_000)
const folder = mkdtempSync(join(tmpdir(), 'interdict-findings-'))
const path = join(folder, 'queries.jsonl')
const queries = ordinary(clients, 250)
const line = ({ at, client, qname, qtype }: (typeof queries)[number]): string =>
  JSON.stringify({
    ...{ v: 1, time: new Date(START + at).toISOString(), generation: 1, client, network: 'office' },
    ...{ protocol: 'udp', qname, qtype, rcode: 'NOERROR', verdict: 'forwarded', us: 900 }
  })
writeFileSync(path, `${queries.map(line).join('\n')}\n`)

const database = await openDatabase({ memory: 256 * 2 ** 20, threads: 1 })
await database.openLog(path, 'sealed')
const [since, until] = [START, START + DAY]
const ends = (await database.rows(suffixesSql('true'))).map(({ suffix }) => String(suffix))
const domain = domainSql(ends)
for (const [name, sql] of [
  ['reach', reachSql(since, until)],
  ['suffixes', suffixesSql('true')],
  ['tunnels', tunnelSql({ since, until }, domain)],
  ['new domains', newDomainsSql(since, until, domain)]
] as const) {
  const before = process.cpuUsage()
  const rows = await database.rows(sql)
  const { user, system } = process.cpuUsage(before)
  const found = name === 'tunnels' ? `, ${readTunnels(rows).length} false alarms` : ''
  const perMillion = (user + system) / queries.length
  process.stdout.write(`${name}: ${perMillion.toFixed(1)} CPU s per million lookups${found}\n`)
}
process.stdout.write(`${queries.length} lookups of ${clients} clients\n`)
database.close()
rmSync(folder, { recursive: true })
