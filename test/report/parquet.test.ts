import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { maintainArchive } from '../../src/lookups/archive/maintain.js'
import type { Log } from '../../src/analysis/report/log.js'
import { toJson } from '../../src/analysis/report/output/json.js'
import { banReport } from '../../src/analysis/report/questions/ban.js'
import { bypass } from '../../src/analysis/report/questions/bypass.js'
import { newNames } from '../../src/analysis/report/names/new-names.js'
import { overview } from '../../src/analysis/report/questions/overview.js'
import { REPORT_KEYS } from '../../src/lookups/sql/report-keys.js'
import type { Report } from '../../src/analysis/report/report.js'
import { writeWeek } from '../example/week.js'
import { dailyReport } from './day.js'

const TOP = 20
const timeZone = 'UTC'
const TENDED = { threads: 1, parquet: true, chain: undefined, keep: undefined }
const since = Date.UTC(2026, 10, 10)
const day = { since, until: since + 86_400_000, timeZone }
const LISTED = {
  isListed: () => false,
  domains: new Map([
    ['new-host.example', 'tiktok'],
    ['example.com', 'tiktok']
  ])
}
const reports: Readonly<Record<string, (log: Log) => Promise<Report>>> = {
  ...Object.fromEntries(
    REPORT_KEYS.map(key => [
      `by ${key}`,
      (log: Log) => overview(log, key, { all: true, timeZone }, TOP)
    ])
  ),
  daily: log => dailyReport(log, day, TOP),
  ban: log => banReport(log, 'federal-tiktok', { timeZone }, undefined, TOP, ['Proof', 'none']),
  bypass: log =>
    bypass(log, { timeZone }, ['encrypted-dns', 'private-relay', 'firefox-canary'], TOP),
  'new-names': log => newNames(log, { since, timeZone }, LISTED, TOP)
}

/** What each report says of a log, and a digest of all its lookups. */
async function ask(path: string): Promise<Record<string, string>> {
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  try {
    const { lines, parquet } = await database.openLog(path, 'often')
    const said: Record<string, string> = {}
    for (const [name, report] of Object.entries(reports))
      said[name] = toJson(await report(database))
    const digest = 'SELECT count(*) AS lookups, bit_xor(hash(lookups)) AS digest FROM lookups'
    const [row] = await database.rows(digest)
    said.lookups = `${String(row!.lookups)} ${String(row!.digest)}`
    t.ok(lines > 1 !== parquet > 0, 'of one kind')
    return said
  } finally {
    database.close()
  }
}

t.test('Parquet answers every question as the lines that it was made of', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-report-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const live = writeWeek(folder, 0.2)
  const before = await ask(live)
  renameSync(live, join(folder, 'queries-20261112T000000.000Z.jsonl'))
  const nothing = (): void => undefined
  const silent = { info: nothing, warn: nothing, error: nothing }
  t.equal(await maintainArchive({ path: live, ...TENDED }, Date.UTC(2026, 10, 13), silent), true)
  t.notOk(readdirSync(folder).some(name => name.endsWith('.jsonl')))
  const after = await ask(live)
  for (const [name, said] of Object.entries(before)) t.equal(after[name], said, name)
})

t.test('lines of today and Parquet of before are one log', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-report-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const live = writeWeek(folder, 0.2)
  const before = await ask(live)
  const text = readFileSync(live, 'utf8')
  rmSync(live)
  const nothing = (): void => undefined
  const silent = { info: nothing, warn: nothing, error: nothing }
  t.equal(await maintainArchive({ path: live, ...TENDED }, Date.UTC(2026, 10, 13), silent), true)
  writeFileSync(live, text)
  const after = await ask(live)
  for (const [name, said] of Object.entries(before)) t.equal(after[name], said, name)
})
