import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { dnssecFix } from '../../src/analysis/report/questions/dnssec-fix.js'
import { dnssecReport } from '../../src/analysis/report/questions/dnssec.js'
import type { Selection } from '../../src/analysis/report/questions/selection.js'
import type { Report, Value } from '../../src/analysis/report/report.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { maintainArchive } from '../../src/lookups/archive/maintain.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'

const START = Date.UTC(2026, 10, 1)
const TOP = 4
const timeZone = 'UTC'
/** Registrable domains, and what is wrong with each. */
const DOMAINS = [
  { domain: 'broken.com', ede: 7, contact: 'ops@broken.com', weight: 9 },
  { domain: 'stripped.co.uk', ede: 10, contact: undefined, weight: 5 },
  { domain: 'wrong.org', ede: 9, contact: 'dns@wrong.org', weight: 3 },
  { domain: 'silent.net', ede: 5, contact: undefined, weight: 2 },
  { domain: 'rare.de', ede: 6, contact: 'hostmaster@rare.de', weight: 1 }
] as const

/** The same numbers in each run. */
function dice(): (below: number) => number {
  let seed = 7
  return below => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
}

/** A month of samples, in the order of time, with lookups of clients between them. */
function month(): QueryRecord[] {
  const random = dice()
  const pick = DOMAINS.flatMap(one => Array<(typeof DOMAINS)[number]>(one.weight).fill(one))
  return Array.from({ length: 1500 }, (_, i) => {
    const head = {
      v: 1 as const,
      time: new Date(START + i * 1_700_000).toISOString(),
      generation: 1
    }
    const network = ['office', 'guests'][random(2)]!
    const common = { ...head, network, protocol: 'udp', qtype: 'A', rcode: 'NOERROR', us: 9 }
    const client = `10.0.0.${1 + random(20)}`
    const counts = { validated: 1 + random(30), answers: 40 + random(900) }
    const kind = random(4)
    if (kind === 0) return { ...common, client, qname: 'www.broken.com', verdict: 'forwarded' }
    const good = { ...common, privacy: 'none', qname: 'ok.example', verdict: 'observed', ...counts }
    if (kind === 1) return { ...good, dnssec: 'secure' }
    // Nothing requires such a zone to be signed.
    if (kind === 2)
      return { ...good, client, dnssec: 'indeterminate', dnssecReason: 'no trust anchor' }
    const { domain, ede, contact } = pick[random(pick.length)]!
    const qname = `${['www', 'mail', 'a.b'][random(3)]!}.${domain}`
    return {
      ...{ ...common, qname, verdict: 'observed', ...counts },
      ...(random(5) === 0 ? { privacy: 'none' } : { client }),
      ...{ ede, dnssec: ede === 5 ? 'indeterminate' : 'bogus', dnssecReason: `${qname} A: ${i}` },
      ...(contact !== undefined && { dnssecContact: contact })
    }
  })
}

const sum = (records: readonly QueryRecord[], key: 'validated' | 'answers'): number =>
  records.reduce((all, record) => all + record[key]!, 0)
const distinct = (texts: readonly (string | undefined)[]): number =>
  new Set(texts.filter(text => text !== undefined)).size

/** The figures of the report, from the records themselves. */
function truth(records: readonly QueryRecord[]) {
  const observed = records.filter(({ verdict }) => verdict === 'observed')
  const failed = observed.filter(({ ede }) => ede !== undefined)
  const rows = DOMAINS.flatMap(({ domain, ede, contact }): Value[][] => {
    const own = failed.filter(({ qname }) => qname.endsWith(`.${domain}`))
    const last = own.at(-1)
    if (last === undefined) return []
    const reason = last.dnssecReason!
    const fix = dnssecFix({ ede, reason, contact: contact ?? null })
    const counts = [
      own.length,
      distinct(own.map(it => it.qname)),
      distinct(own.map(it => it.client))
    ]
    return [[domain, ...counts, ede, reason, fix, new Date(last.time)]]
  }).sort((a, b) => Number(b[1]) - Number(a[1]))
  const [validated, answers] = [sum(observed, 'validated'), sum(observed, 'answers')]
  const networks = ['guests', 'office'].flatMap(network => {
    const own = observed.filter(record => record.network === network)
    const bad = own.filter(({ ede }) => ede !== undefined)
    const [all, of] = [sum(own, 'validated'), sum(own, 'answers')]
    return [[network, of, all, all / of, bad.length, distinct(bad.map(({ client }) => client))]]
  })
  return {
    rows,
    networks: networks.filter(([, answers]) => answers !== 0),
    tiles: [rows.length, failed.length, failed.length / validated, validated / answers]
  }
}

async function ask(path: string, selection: Partial<Selection> = {}): Promise<Report> {
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  try {
    await database.openLog(path, 'often')
    return await dnssecReport(database, { timeZone, ...selection }, TOP)
  } finally {
    database.close()
  }
}

const nothing = (): void => undefined
const silent = { info: nothing, warn: nothing, error: nothing }
const rowsOf = (report: Report, id: string) => report.tables.find(table => table.id === id)!.rows

t.test('the figures are those of the records, in lines and in Parquet', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-dnssec-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const live = join(folder, 'queries.jsonl')
  const records = month()
  writeFileSync(live, records.map(record => `${JSON.stringify(record)}\n`).join(''))
  const check = (report: Report, of: readonly QueryRecord[], what: string): void => {
    const { rows, networks, tiles } = truth(of)
    t.strictSame(rowsOf(report, 'domains'), rows.slice(0, TOP), what)
    t.strictSame(rowsOf(report, 'networks'), networks, what)
    t.strictSame(
      report.tiles!.map(({ value }) => value),
      tiles,
      what
    )
    const hidden = rows.length - TOP
    t.equal(
      report.remarks.some(text => text.startsWith(`${hidden} more row`)),
      hidden > 0,
      what
    )
  }
  const until = START + 300 * 1_700_000
  const office = records.filter(({ network }) => network === 'office')
  check(await ask(live), records, 'lines')
  check(await ask(live, { network: 'office' }), office, 'one network')
  check(await ask(live, { until }), records.slice(0, 300), 'a period')
  const within = '10.0.0.8/29'
  const some = records.filter(({ client = '10.0.0.0' }) => /\.(8|9|1[0-5])$/.test(client))
  const ofSome = await ask(live, { clients: { shown: within, aliases: [], within } })
  t.strictSame(rowsOf(ofSome, 'domains'), truth(some).rows.slice(0, TOP), 'a prefix')
  const values = ofSome.tiles!.map(({ value }) => value)
  t.strictSame(values.slice(2), [null, null], 'the counts are those of whole networks')
  t.match(ofSome.remarks[0], /whole networks only/)
  renameSync(live, join(folder, 'queries-20261201T000000.000Z.jsonl'))
  const options = { path: live, threads: 1, parquet: true, chain: undefined, keep: undefined }
  await maintainArchive(options, Date.UTC(2026, 11, 2), silent)
  check(await ask(live), records, 'Parquet')
})

t.test('without a sample, nothing is claimed', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-dnssec-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const live = join(folder, 'queries.jsonl')
  const others = month().filter(({ verdict }) => verdict !== 'observed')
  writeFileSync(live, others.map(record => `${JSON.stringify(record)}\n`).join(''))
  const { tiles, remarks } = await ask(live)
  t.strictSame(
    tiles!.map(({ value }) => value),
    [0, 0, null, null]
  )
  t.match(remarks[0], /says nothing of what would fail/)
})

const fixes = [
  { ede: 10, reason: '. DNSKEY: no RRSIG', says: /^Your upstream strips DNSSEC records/ },
  { ede: 8, reason: '. DNSKEY: not valid before', says: /^Check the clock of this gateway/ },
  { ede: 10, reason: 'www.example A: no RRSIG', says: /your upstream strips RRSIG/ },
  { ede: 5, reason: 'example DS: returned NOTIMP', says: /^Check the upstream/ },
  { ede: 7, reason: 'www.example A: expired', says: /^The zone's operator: ops@example$/ }
]
for (const { ede, reason, says } of fixes)
  t.test(`whom to call for error ${ede}: ${reason}`, async t => {
    t.match(dnssecFix({ ede, reason, contact: 'ops@example' }), says)
  })
