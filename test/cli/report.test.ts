import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { eventually } from '../daemon/site.js'
import { archiveWeek, writeWeek } from '../example/week.js'
import { tendOnce } from '../querylog/archive/chain/rig.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'
import { run } from '../../src/cli/run.js'
import { withoutColours } from '../../src/cli/io.js'
import { FILES, interdict, Output, PROGRAM, SETTINGS, writeSite } from './run.js'

const folder = mkdtempSync(join(tmpdir(), 'interdict-report-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const log = writeWeek(folder, 0.2)
const settings = join(folder, 'interdict.yaml')
writeFileSync(settings, SETTINGS)
const EVIL = {
  v: 1,
  time: '2026-11-11T23:00:00.000Z',
  generation: 1,
  client: '=1+1',
  network: '<script>alert(1)</script>',
  protocol: 'udp',
  qname: '\u001b[31mred.example',
  qtype: 'A',
  verdict: 'blocked',
  match: 'qname',
  app: '@evil',
  ban: '-b|`',
  us: 1
}
const IDN = { ...EVIL, qname: 'xn--bcher-kva.example', app: 'idn', verdict: 'cached' }
appendFileSync(log, `\n${JSON.stringify(EVIL)}\n${JSON.stringify(IDN)}\nno JSON\n`)

const report = (...words: string[]): ReturnType<typeof interdict> =>
  interdict('report', '-c', settings, '--log', log, ...words)
const query = (...words: string[]): ReturnType<typeof interdict> =>
  interdict('query', '-c', settings, '--log', log, ...words)

interface Json {
  readonly tables: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>
  readonly remarks: readonly string[]
}
const json = async (...words: string[]): Promise<Json> =>
  JSON.parse((await report(...words, '--json')).out) as Json

/** The lines of the log, read without DuckDB. */
const records = readdirSync(folder)
  .filter(name => name.endsWith('.jsonl'))
  .flatMap(name => readFileSync(join(folder, name), 'utf8').split('\n'))
  .filter(line => line.startsWith('{') && line.endsWith('}'))
  .map(line => JSON.parse(line) as Readonly<Partial<Record<string, string>>>)
await archiveWeek(log)

t.test('counts agree with the lines of the log', async t => {
  for (const [by, field] of [
    ['app', 'app'],
    ['name', 'qname'],
    ['client', 'client']
  ] as const) {
    const { tables } = await json('--by', by, '--top', '1')
    const [first] = tables[by]!
    const ruled = records.filter(it => ['blocked', 'monitored', 'allowed'].includes(it.verdict!))
    const those = ruled.filter(it => it[field] === first![by])
    t.equal(first!.lookups, those.length, by)
    t.equal(first!.blocked, those.filter(it => it.verdict === 'blocked').length)
    if (by !== 'client') t.equal(first!.clients, new Set(those.map(it => it.client)).size)
  }
})

t.test('a remark counts the lookups that no row shows', async t => {
  const ruled = records.filter(it => ['blocked', 'monitored', 'allowed'].includes(it.verdict!))
  const none = ruled.filter(it => it.ban === undefined).length
  t.ok(none > 1)
  const told = `${none} lookups that no ban matched`
  t.equal((await json('--by', 'ban')).remarks[0], `Not shown: ${told}.`)
  const { tables, remarks } = await json('--by', 'ban', '--top', '1')
  const rest = (ruled.length - none - Number(tables.ban![0]!.lookups)).toLocaleString('en-US')
  const below = `${rest} lookups in rows below (raise --top)`
  t.equal(remarks[0], `Not shown: ${below}; ${told}.`)
  t.equal((await json('--by', 'hour')).remarks.length, 1, 'all of it is in the table')
})

t.test(
  'CSV and JSON have the same columns, whichever verdicts occur; tables hide zeros',
  async t => {
    const columns = [
      'network',
      'lookups',
      'share',
      'blocked',
      'monitored',
      'allowed',
      'clients',
      'last'
    ]
    for (const filter of ['--network=schools', '--network=town-hall', '--name=no.example']) {
      const { out } = await report('--by', 'network', filter, '--format', 'csv')
      t.equal(out.split('\r\n')[0], columns.join(), filter)
    }
    const words = ['--by', 'network', '--network', 'schools']
    const { tables } = await json(...words)
    t.strictSame(Object.keys(tables.network![0]!), columns)
    t.match(tables.network![0], { monitored: 108, allowed: 0 })
    for (const format of ['table', 'markdown', 'html']) {
      t.notMatch((await report(...words, '--format', format)).out, /allowed[ |<]/, format)
    }
  }
)

t.test('options select lookups', async t => {
  const only = await json('--app', 'tiktok', '--network', 'town-hall', '--by', 'network')
  t.strictSame(
    only.tables.network!.map(row => row.network),
    ['town-hall']
  )
  const day = await json('--since', '2026-11-07', '--until', '2026-11-08T00:00Z', '--by', 'day')
  t.strictSame(
    day.tables.day!.map(row => row.day),
    ['2026-11-07T00:00:00.000Z']
  )
  const below = await json('--name', 'TikTokV.com.', '--by', 'name')
  t.ok(below.tables.name!.length > 1)
  t.ok(below.tables.name!.every(row => String(row.name).endsWith('.tiktokv.com')))
  const names = async (text: string): Promise<unknown[]> =>
    (await json('--name', text, '--by', 'name', '--all')).tables.name!.map(row => row.name)
  t.strictSame(await names('=Chat.DeepSeek.com'), ['chat.deepseek.com'])
  t.strictSame(await names('=deepseek.com'), [])
  t.strictSame((await names('*.deepseek.com')).length, 2)
  t.strictSame(await names('*.chat.deepseek.com'), [])
  t.strictSame(await names('bücher.example'), ['xn--bcher-kva.example'])
  const client = await json('--client', '10.20.0.7', '--by', 'exception')
  t.strictSame(
    client.tables.exception!.map(row => row.exception),
    ['press']
  )
  const all = await json('--all', '--by', 'network')
  t.ok(
    all.tables.network!.some(row => row.network === 'museum'),
    'where no rule speaks'
  )
})

t.test('skips and reports lines that are not lookups', async t => {
  const { remarks } = await json()
  t.match(remarks.join(), /^Skipped 2 lines of the log that are not lookups: 2 in queries\.jsonl/m)
})

t.test('skips and reports broken files', async t => {
  const name = 'queries-20230302T000000.104Z.jsonl'
  const path = logFolder(t, { [name]: lines(record('2023-03-01T09:26:53.589Z')) })
  const archive = join(dirname(path), 'archive')
  await tendOnce(path, '2023-03-02T12:30:00.000Z', {})
  writeFileSync(join(archive, 'day=2023-03-01/other.parquet'), 'PAR1 half')
  const [tally] = readdirSync(join(archive, 'tallies'))
  writeFileSync(join(archive, 'tallies', tally!), 'PAR1 altered PAR1')
  const said = await interdict('report', '-c', settings, '--log', path, '--format', 'json')
  t.match(JSON.parse(said.out), {
    tables: { app: [{ app: 'tiktok', lookups: 1 }] },
    remarks: [/other\.parquet.* \(ARCHIVE_BROKEN\)\.$/, /\.tally .* \(ARCHIVE_TALLY\)\.$/]
  })
  const { out, err } = await interdict('query', '-c', settings, '--log', path, 'SELECT 1')
  t.match(err, /^not valid Parquet, skipped: .*other\.parquet \(ARCHIVE_BROKEN\)\.\n$/)
  t.notMatch(out, /ARCHIVE/)
})

const NO_RULES = 'The rules could not be read, so this report has the log only.'

t.test('the report of a day before the log shows when the log starts', async t => {
  const path = logFolder(t, { 'queries.jsonl': lines(record('2023-03-01T09:26:53.589Z')) })
  const ask = async (...words: string[]) => {
    const all = ['report', 'daily', '-c', settings, '--log', path, '--format', 'json', ...words]
    return JSON.parse((await interdict(...all)).out) as Json & { facts: Record<string, string> }
  }
  const none = await ask('--until', '2023-03-01')
  t.equal(none.facts.Lookups, '0')
  t.match(none.remarks, ['starts at 2023-03-01 09:26.'])
  const [, words] = /report (daily .*)\.$/.exec(none.remarks[0]!)!
  t.equal(words, 'daily --until 2023-03-02')
  const first = await ask(...words!.split(' ').slice(1))
  t.match(first.facts.Lookups, /^1: 1 blocked/)
  t.strictSame(first.remarks, [NO_RULES])
  t.strictSame(
    (await ask('--until', '2023-03-01', '--ban', 'none')).remarks.filter(it =>
      it.includes('begins')
    ),
    [],
    'there never was such a one'
  )
  t.strictSame((await ask()).remarks, [NO_RULES], 'nor is there anything later')
})

t.test('suggests --all where no rule matched', async t => {
  const blocked = record('2023-03-01T09:26:53.589Z')
  const refused = { ...blocked, verdict: 'refused', match: undefined, app: undefined }
  const path = logFolder(t, { 'queries.jsonl': lines(refused) })
  const ask = (...words: string[]) => interdict('report', ...words, '-c', settings, '--log', path)
  const hint = /^No rule matched 1 lookup: add --all to include it\.$/m
  for (const words of [
    ['--by', 'client'],
    ['daily', '--since', '2023-03-01']
  ]) {
    const { out } = await ask(...words)
    t.match(out, /^Lookups +0$/m)
    t.match(out, hint)
    const all = await ask(...words, '--all')
    t.match(all.out, /^Lookups +1: 1 without a matching rule$/m)
    t.notMatch(all.out, hint)
  }
  const none = await ask('--since', '2023-03-02')
  t.match(none.out, /^Lookups +0$/m)
  t.notMatch(none.out, '--all')
})

t.test('escapes markup, formulas and control characters from the log', async t => {
  const words = ['--since', '2026-11-11T23:00:00Z', '--until', '2026-11-11T23:00:01Z']
  const text = await report(...words, '--by', 'name')
  t.match(text.out, '\\u{1b}[31mred.example')
  t.notMatch(text.out, '\u001b[31m')
  t.match((await report(...words, '--by', 'client', '--format', 'csv')).out, /^'=1\+1,/m)
  t.match((await report(...words, '--by', 'app', '--format', 'csv')).out, /^'@evil,/m)
  const page = await report(...words, '--by', 'network', '--format', 'html')
  t.notMatch(page.out, '<script')
  t.match(page.out, '&lt;script&gt;')
  t.match((await report(...words, '--by', 'ban', '--format', 'markdown')).out, '| -b\\|\\` |')
  const shown = await query("SELECT qname FROM lookups WHERE app = '@evil'")
  t.match(shown.out, '\\u{1b}[31mred.example')
})

for (const words of [
  ['daily', '--until', '2026-11-12'],
  ['ban', 'federal-tiktok'],
  ['bypass'],
  ['new-names', '--since', '2026-11-10']
]) {
  t.test(`report ${words[0]!} --format html is a valid, self-contained page`, async t => {
    const file = join(folder, `${words[0]!}.html`)
    const ran = await report(...words, '--format', 'html', '--output', file)
    t.strictSame([ran.code, ran.out], [0, ''])
    const page = readFileSync(file, 'utf8')
    t.match(page, /^<!doctype html>\n<html lang="en">/)
    t.notMatch(
      page,
      /<script|<link|<img|<iframe|src=|href=|url\(|@import|\son\w+=/i,
      'nothing from elsewhere'
    )
    t.match(page, 'prefers-color-scheme: dark')
    t.match(page, '@media print')
    const unclosed = openTags(page)
    t.strictSame(unclosed, [], 'every element is closed')
  })
}

/** Elements that are not closed in order; void elements have no end tag. */
function openTags(page: string): string[] {
  const open: string[] = []
  for (const [, end, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/gi)) {
    if (['meta', 'br', 'wbr'].includes(name!)) continue
    if (end !== '/') open.push(name!)
    else if (open.at(-1) === name) open.pop()
    else return [...open, `/${name!}`]
  }
  return open
}

t.test('report daily covers the day that starts or ends at the given time', async t => {
  const ofDay = async (...words: string[]): Promise<unknown> =>
    JSON.parse((await report('daily', ...words, '--format', 'json')).out)
  const begins = await ofDay('--since', '2026-11-10')
  t.strictSame(begins, await ofDay('--until', '2026-11-11'))
  t.match(begins, { title: 'Daily report, 2026-11-10', facts: { Lookups: /^107: / } })
  const long = await ofDay('--since', '2026-11-10T00:00+01:00', '--until', '2026-11-11')
  t.match(long, {
    title: 'Daily report, from 2026-11-09 23:00',
    timeZone: 'UTC',
    facts: { Period: '2026-11-09 23:00 to 2026-11-11 00:00', 'Time zone': 'UTC' }
  })
})

t.test('days and times are those of the rules, or of --time-zone', async t => {
  const place = writeSite(t, {
    'interdict.yaml': SETTINGS,
    'rules/networks.yaml': 'defaults: { time-zone: America/New_York }\nnetworks: { n: { oops: } }\n'
  })
  const run = async (...words: string[]): Promise<unknown> =>
    JSON.parse(
      (await interdict('report', '-c', place, '--log', log, ...words, '--format', 'json')).out
    )
  const ofRules = await run('daily', '--since', '2026-11-10')
  t.match(ofRules, { timeZone: 'America/New_York', title: 'Daily report, 2026-11-10' })
  const given = ['--since', '2026-11-10T05:00Z', '--until', '2026-11-11T05:00Z']
  t.strictSame(await run('daily', ...given), ofRules)
  t.match(await run('daily', ...given, '--time-zone', 'Europe/Brussels'), {
    timeZone: 'Europe/Brussels',
    title: 'Daily report, from 2026-11-10 06:00',
    facts: { Period: '2026-11-10 06:00 to 2026-11-11 06:00', 'Time zone': 'Europe/Brussels' }
  })
  t.match(await report('--time-zone', 'Mars'), {
    code: 2,
    err: /--time-zone: Mars is not a time zone/
  })
})

t.test('times are in UTC, with a remark, where the rules are not YAML', async t => {
  const place = writeSite(t, { 'interdict.yaml': SETTINGS, 'rules/networks.yaml': 'defaults: [' })
  const { out } = await interdict('report', '-c', place, '--log', log)
  t.match(out, /^Time zone +UTC$/m)
  t.match(out, /The time zone of the rules could not be read: days and times are in UTC\./)
})

t.test('report daily takes today and yesterday', async t => {
  const ofDay = async (...words: string[]): Promise<unknown> =>
    JSON.parse((await report('daily', ...words, '--format', 'json')).out)
  const now = Date.now()
  const [before, today, after] = [-1, 0, 1].map(days =>
    new Date(now + days * 86_400_000).toISOString().slice(0, 10)
  )
  t.match(await ofDay('today'), {
    title: `Daily report, ${today}`,
    facts: { Period: `${today} 00:00 to ${after} 00:00` }
  })
  t.match(await ofDay('yesterday'), { title: `Daily report, ${before}` })
  t.strictSame(await ofDay('yesterday'), await ofDay())
})

t.test(
  'report new-names finds names not seen before, below and beside the listed ones',
  async t => {
    const { tables } = await json('new-names', '--since', '2026-11-10')
    const [under, beside] = [tables.under!, tables.beside!]
    t.ok(under.some(row => row.name === 'edge.video-cdn.example' && row.match === 'cname'))
    t.notOk(under.some(row => row.name === 'mon.tiktokv.com'))
    t.strictSame(
      beside.map(row => row.name),
      ['sdk.new-host.example']
    )
  }
)

t.test('report bypass finds a network with fewer queries than usual', async t => {
  const { tables } = await json('bypass')
  t.strictSame(
    tables.fallen!.map(row => row.network),
    ['town-hall']
  )
})

t.test('report ban lists all generations of the rules', async t => {
  const { tables } = await json('ban', 'federal-tiktok')
  t.strictSame(
    tables.generations!.map(({ generation, sha256 }) => [generation, sha256]),
    [
      [7, '9f86d081884c'],
      [8, '60303ae22b99']
    ]
  )
})

const out = join(folder, 'out.csv')
const refused = [
  'DELETE FROM lookups',
  'DROP VIEW lookups',
  'CREATE TABLE x (a INT)',
  `COPY (SELECT 1) TO '${out}'`,
  `EXPLAIN ANALYZE COPY (SELECT 1) TO '${log}' (USE_TMP_FILE false)`,
  `/**/ explain (analyze, format json) COPY (SELECT 1) TO '${log}' (USE_TMP_FILE false)`,
  'EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1',
  `ATTACH '${join(folder, 'x.db')}'`,
  'INSTALL httpfs',
  'SET enable_external_access = true',
  'SELECT 1; DROP VIEW lookups',
  `SELECT * FROM read_text('${settings}')`,
  `SELECT * FROM '${settings}'`,
  "SELECT * FROM glob('/*')",
  'SELECT nothing FROM lookups'
]
t.test('query rejects SQL that writes, and writes nothing', async t => {
  const { code, out: said, err } = await query(`COPY (SELECT 1) TO '${out}'`)
  t.strictSame([code, said], [1, ''])
  t.match(err, /\(ARCHIVE_SQL(_WRITES)?\)/)
  t.notOk(existsSync(out))
})

for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143]
] as const) {
  t.test(`${signal} removes the spill folder of a query`, async t => {
    const temporary = join(folder, signal)
    mkdirSync(temporary)
    const sql =
      'SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range = 7'
    const child = spawn(process.execPath, [PROGRAM, 'query', '--log', log, sql], {
      env: { ...process.env, NODE_OPTIONS: '', TMPDIR: temporary },
      stdio: 'ignore'
    })
    t.teardown(() => child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    await eventually('it is at work', () => readdirSync(temporary).length > 0)
    child.kill(signal)
    t.strictSame(await ended, [code, null])
    t.strictSame(readdirSync(temporary), [])
  })
}

t.test('SQL can read only the log, and write nothing', async t => {
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  t.teardown(() => database.close())
  const before = readFileSync(log, 'utf8')
  await database.openLog(log, 'sealed')
  t.equal((await database.table('SELECT * FROM lookups LIMIT 1')).rows.length, 1)
  for (const sql of refused) {
    const { code } = await database.table(sql).then(
      () => ({ code: 'none' }),
      (error: unknown) => error as { code: string }
    )
    t.match(code, /^ARCHIVE_SQL(_WRITES)?$/, sql.replaceAll(folder, ''))
  }
  t.notOk(existsSync(out))
  t.equal(readFileSync(log, 'utf8'), before, 'the log is as it was')
})

t.test('query prints tables, JSON and CSV; without SQL, the columns', async t => {
  const sql = "SELECT app, count(*) AS n FROM lookups WHERE app = 'tiktok' GROUP BY app"
  const n = records.filter(({ app }) => app === 'tiktok').length
  t.equal((await query(sql, '--format', 'csv')).out, `app,n\r\ntiktok,${n}\r\n`)
  t.strictSame(JSON.parse((await query(sql, '--format', 'json')).out), [{ app: 'tiktok', n }])
  t.match((await query(sql)).out, /tiktok/)
  t.match((await query()).out, /qname +VARCHAR/)
  const long = await query("SELECT repeat('a', 200000) AS a")
  t.equal(long.out.replaceAll(/\s/g, ''), `a${'a'.repeat(200_000)}`, 'a cell of any length')
  const many = await query('SELECT 1 AS n FROM range(130000)')
  t.equal(many.out.split('\n').length, 130_002, 'any number of rows')
  const newest = await query('--latest', '2', '--skip', '1', '--where', "app = 'tiktok'", '--json')
  const [, ...rest] = records
    .filter(({ app }) => app === 'tiktok')
    .sort((a, b) => (a.time! < b.time! ? 1 : -1))
  t.strictSame(
    (JSON.parse(newest.out) as { time: string }[]).map(({ time }) => time),
    rest.slice(0, 2).map(({ time }) => time)
  )
  t.equal((await query('--latest', 'x')).code, 2)
  t.match(await query('--where', "app == 'x' AND"), { code: 1, err: "\n--where: app == 'x' AND\n" })
  t.match(await query('--where', ' -- nothing'), { code: 2, err: 'the condition is empty' })
  t.equal((await query('SELECT 1', '--latest', '1')).code, 2)
})

t.test('query lists the columns of rows that are wider than the terminal', async t => {
  const [stdout, stderr] = [new Output(80), new Output(80)]
  const io = { stdout, stderr, env: {}, onSignal: () => () => undefined, exit: () => undefined }
  const words = ['query', '-c', settings, '--log', log, '--latest', '2']
  t.equal(await run([...words, '--where', "app = 'tiktok'"], io), 0)
  const text = withoutColours(stdout.text)
  t.match(text, /^column +value\n {2}row 1\nv +\d\ntime +20.*\napp +tiktok\n.*\n {2}row 2\n/s)
  t.notMatch(text, /^exception/m, 'without columns that the row does not have')
  t.ok(text.split('\n').every(line => line.length <= 80))
})

t.test('a slow reader gets all output, more than a pipe holds', async t => {
  const sql = "SELECT repeat('a', 100) AS a FROM range(10000)"
  const command = ['"$0" "$@"', '{ sleep 1; cat; }', 'tail -c 4'].join(' | ')
  const words = [PROGRAM, 'query', '--log', log, '--json', sql]
  const said = await new Promise<string>(resolve => {
    const shell = ['-u', 'NODE_OPTIONS', 'sh', '-c', command, process.execPath, ...words]
    execFile('env', shell, (_error, out) => resolve(out))
  })
  t.equal(said, '}\n]\n')
})

t.test('the extension of --output implies the format', async t => {
  const written = async (name: string, ...words: string[]): Promise<string> => {
    const file = join(folder, name)
    t.strictSame(await report('--output', file, ...words), { code: 0, out: '', err: '' })
    return readFileSync(file, 'utf8')
  }
  t.match(await written('x.html'), /^<!doctype html>/)
  t.match(await written('x.json'), /^\{/)
  t.match(await written('x.csv'), /^app,lookups,/)
  t.match(await written('x.MD'), /^# /)
  t.match(await written('x.txt'), /^Lookups by app\n/)
  t.match(await written('y.html', '--format', 'csv'), /^app,lookups,/, '--format wins')
  const file = join(folder, 'q.csv')
  t.match(await query('SELECT 1 AS n', '-o', file), { code: 0, out: '' })
  t.equal(readFileSync(file, 'utf8'), 'n\r\n1\r\n')
  const page = await query('SELECT 1 AS n', '-o', join(folder, 'q.html'))
  t.match(page, {
    code: 2,
    err: /--output: .*q\.html would be html, not one of table, json, jsonl, csv, parquet/
  })
})

const misused = [
  ['report', 'fortnightly'],
  ['report', 'weekly', 'today'],
  ['report', 'monthly', 'last-month', '--since', '2026-11-01'],
  ['report', 'weekly', '--since', '2026-11-01', '--until', '2026-11-09'],
  ['report', 'ban'],
  ['report', '--by', 'colour'],
  ['report', '--format', 'pdf'],
  ['report', '--since', 'yesterday'],
  ['report', '--since', '2026-11-08', '--until', '2026-11-07'],
  ['report', 'daily', '--since', '2026-11-07', '--until', '2026-11-09'],
  ['report', 'daily', 'tomorrow'],
  ['report', 'daily', 'today', 'yesterday'],
  ['report', 'daily', 'today', '--since', '2026-11-07'],
  ['report', 'bypass', 'today'],
  ['report', '--name', 'https://tiktok.com/'],
  ['report', '--top', '0'],
  ['query', '--format', 'html', 'SELECT 1'],
  ['query', ''],
  ['query', ' /* nothing */ ; -- to ask']
]
for (const words of misused) {
  t.test(`${words.join(' ')} is a usage error`, async t => {
    t.equal((await interdict(...words, '-c', settings, '--log', log)).code, 2)
  })
}

t.test('reports an output file that cannot be written, and a missing log', async t => {
  const ran = await report('--output', join(folder, 'missing/x'))
  t.equal(ran.code, 1)
  t.match(ran.err, /cannot write .*missing\/x: no such file or folder \(CLI_OUTPUT\)/)
  const misspelt = await report('--log', join(dirname(logFolder(t, {})), 'none.jsonl'))
  t.strictSame([misspelt.code, misspelt.out], [1, ''])
  t.match(misspelt.err, /none\.jsonl: no such file or folder \(ARCHIVE_READ\)/)
  const archived = logFolder(t, {
    'queries-20230302T000000.104Z.jsonl': lines(record('2023-03-01T09:26:53.589Z'))
  })
  await tendOnce(archived, '2023-03-02T12:30:00.000Z', {})
  const ofArchive = (file: string): ReturnType<typeof interdict> =>
    interdict('report', '-c', settings, '--log', join(dirname(archived), file), '--json')
  t.match(await ofArchive('querys.jsonl'), { code: 1, err: '(ARCHIVE_READ)' }, 'that of the folder')
  t.match((await ofArchive('queries.jsonl')).out, '"lookups": 1', 'all of it is in the archive')
  const none = await interdict('report', '-c', writeSite(t, FILES))
  t.equal(none.code, 0)
  t.match(none.err, 'no query log at ')
  t.match(none.out, 'No matching lookups.')
})

t.test('rejects ids that neither the rules nor the log contain', async t => {
  const config = writeSite(t, FILES)
  const of = (...words: string[]): ReturnType<typeof interdict> =>
    interdict('report', '-c', config, '--log', log, ...words)
  for (const [words, hint] of [
    [['ban', 'federal-tictok'], "unknown ban 'federal-tictok'.*; did you mean 'federal-tiktok'"],
    [['--ban', 'fedral'], "unknown ban 'fedral'.*; did you mean 'federal'"],
    [
      ['--app', 'tikttok', '--since', '2026-11-10'],
      "unknown app 'tikttok'.*; did you mean 'tiktok'"
    ],
    [
      ['--network', 'cellar'],
      "unknown network 'cellar': neither in the rules nor in the query log \\("
    ]
  ] as const) {
    const { code, out, err } = await of(...words)
    t.strictSame([code, out], [1, ''], words.join(' '))
    t.match(err, new RegExp(hint))
    t.match(err, '(REPORT_NO_ID)')
  }
  const unused = await of('--ban', 'coming', '--app', 'clip', '--network', 'phones')
  t.strictSame([unused.code, unused.err], [0, ''], 'the rules have it, the log not yet')
  const past = await of('ban', 'federal-tiktok', '--until', '2026-11-01')
  t.equal(past.code, 0, 'the log has it, at another time')
  const noRules = await report('--app', 'tikttok')
  t.equal(noRules.code, 0)
  t.match(
    noRules.out.replaceAll(/\s+/g, ' '),
    'The log has no app tikttok; the rules could not be read'
  )
})
