import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { ReportsRun } from '../../src/gateway/reports/report-scheduler.js'
import { FolderLock } from '../../src/lookups/files/folder-lock.js'
import { failure } from '../../src/base/errors/error.js'
import { lines, record } from '../querylog/archive/lines.js'
import { startMailServer } from './fake-mail-server.js'
import { FILES, interdict, SETTINGS, writeSite } from './run.js'

interface Place {
  readonly config: string
  path(name: string): string
  interdict(...words: string[]): ReturnType<typeof interdict>
  run(): Promise<ReportsRun['reports']>
}

function site(t: Test, reports: string, smtp = '{}'): Place {
  const config = writeSite(t, {
    ...FILES,
    'interdict.yaml': `${SETTINGS}identity: { name: gw1 }\nsmtp: ${smtp}\nreports: ${reports}\n`,
    'log/queries.jsonl': lines(record(new Date(Date.now() - 86_400_000).toISOString()))
  })
  const run = (...words: string[]) => interdict('reports', ...words, '-c', config)
  return {
    config,
    path: name => join(dirname(config), name),
    interdict: run,
    run: async () => (JSON.parse((await run('run', '--json')).out) as ReportsRun).reports
  }
}

/** As if the gateway had been down for ten days. */
function missed(place: Place, name: string): void {
  const done = new Date(Date.now() - 40 * 86_400_000).toISOString()
  const state = { done, failures: 0, retry: null, error: null, made: null }
  mkdirSync(place.path('state'), { recursive: true })
  const text = JSON.stringify({ version: 1, reports: { [name]: state } })
  writeFileSync(place.path('state/scheduled-reports.json'), text)
}

/** Lets the next try be due. */
function retryNow(place: Place, change: object = {}): void {
  const file = place.path('state/scheduled-reports.json')
  const { reports, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as {
    reports: Record<string, object>
  }
  for (const name of Object.keys(reports))
    reports[name] = { ...reports[name], retry: new Date(0).toISOString(), ...change }
  writeFileSync(file, JSON.stringify({ ...rest, reports }))
}

const MAIL = 'mail: { from: gw@gw.test, to: [a@b.test, c@b.test] }'

t.test('without reports in the settings there is nothing to do', async t => {
  const place = site(t, '[]')
  t.match(await place.interdict('list'), { code: 0, out: 'no scheduled reports' })
  t.match(await place.interdict('test'), { code: 0, out: 'no mail' })
  t.match(await place.interdict('send', 'weekly'), {
    code: 2,
    err: /weekly is not one of no reports/
  })
  t.strictSame(await place.run(), [])
})

t.test('reports are stored, listed, and removed when they are old', async t => {
  const place = site(
    t,
    '[{ report: monthly }, { report: ban, ban: federal, keep: 1d }, { report: bypass }]'
  )
  t.match(await place.interdict('list'), { code: 0, out: 'no stored reports yet' })
  mkdirSync(place.path('state/reports'), { recursive: true })
  const old = { report: 'ban-federal', title: 'x', since: null, until: null }
  const created = new Date(Date.now() - 2 * 86_400_000).toISOString()
  const stale = place.path('state/reports/ban-federal-2020-01-01.html')
  writeFileSync(stale, 'x')
  writeFileSync(`${stale}.about.json`, JSON.stringify({ ...old, created }))
  writeFileSync(place.path('state/reports/broken.html'), 'x')
  const sent = await place.interdict('send')
  t.match(sent, { code: 0, err: '' })
  t.match(sent.out, /^monthly: stored as .*monthly-\d{4}-\d\d\.html\nban-.*\nbypass: /)
  const names = readdirSync(place.path('state/reports')).filter(name => name.endsWith('.html'))
  t.match(names.sort(), [/^ban-federal-2(?!020)/, 'broken.html', /^bypass-/, /^monthly-/])
  t.match((await place.interdict('list')).out, /^file +title +created\n/)
  const { out } = await place.interdict('list', '--json')
  t.equal((JSON.parse(out) as { reports: unknown[] }).reports.length, 3)
})

t.test('a report is mailed, with its page and as text; some recipients may be refused', async t => {
  const server = await startMailServer(t)
  const smtp = `{ host: localhost, port: ${server.port}, tls: none }`
  const place = site(t, `[{ report: daily, ${MAIL} }, { report: weekly }]`, smtp)
  t.match(await place.interdict('test'), { code: 0, out: 'daily: sent to 2 addresses\n' })
  t.match(server.messages[0], /^Subject: Test of the report daily \(gw1\)$/m)
  const sent = await place.interdict('send', 'daily', '--json')
  t.match(JSON.parse(sent.out), { ok: true, reports: [{ report: 'daily', made: { mailed: 2 } }] })
  const message = server.messages[1]!
  for (const text of [
    /^Subject: Daily report, \d{4}-\d\d-\d\d \(gw1\)$/m,
    /^To: a@b\.test, c@b\.test$/m,
    /^Auto-Submitted: auto-generated$/m,
    /^Message-ID: <daily-.*@gw\.test>$/m,
    /^Content-Type: text\/plain/m,
    /^Content-Type: text\/html/m,
    /filename=daily-.*\.html/
  ])
    t.match(message, text)
  t.notMatch(message, '\u001b')
  const settings = readFileSync(place.config, 'utf8')
  writeFileSync(place.config, settings.replace('c@b.test', 'nobody@b.test'))
  missed(place, 'daily')
  t.match(await place.run(), [
    { event: 'dropped', error: { code: 'REPORT_RECIPIENT', message: /nobody@b\.test/ } },
    {}
  ])
  t.equal(server.messages.length, 3, 'the other has got it')
  t.match(await place.run(), [{ event: null }, {}], 'and gets it once')
})

t.test('what was missed is made once; what is new waits for its time', async t => {
  const place = site(t, '[{ report: daily }, { report: weekly }]')
  missed(place, 'daily')
  const [daily, weekly] = await place.run()
  t.match(daily, { event: 'made', error: null, file: /daily-/, mailed: 0 })
  t.match(weekly, { event: null, made: null })
  t.ok(Date.parse(daily!.next) > Date.now())
  t.match(await place.interdict('run'), { code: 0, out: /^daily: not due before / })
})

t.test('a failure is tried again later, and given up after many', async t => {
  const smtp = '{ host: 127.0.0.1, port: 1, tls: none }'
  const place = site(t, `[{ report: daily, ${MAIL} }]`, smtp)
  missed(place, 'daily')
  const [first] = await place.run()
  t.match(first, { event: 'failed', made: null, error: { code: 'REPORT_MAIL' } })
  t.ok(Date.parse(first!.next) - Date.now() <= 60_000)
  t.match(await place.run(), [{ event: null, error: { code: 'REPORT_MAIL' } }], 'not yet')
  retryNow(place, { failures: 11 })
  t.match(await place.interdict('run'), {
    code: 1,
    err: /^daily: cannot send mail .*\(REPORT_MAIL\)\n$/
  })
  t.match(await place.run(), [{ event: null, error: { code: 'REPORT_MAIL' } }], 'given up')
  t.match(await place.interdict('test'), { code: 1, err: /REPORT_MAIL/ })
})

t.test('reports that cannot be stored or made', async t => {
  const place = site(
    t,
    '[{ report: daily, folder: log/queries.jsonl }, { report: ban, ban: none }]'
  )
  const { code, err } = await place.interdict('send')
  t.equal(code, 1)
  t.match(err, /^daily: cannot store report .*\(REPORT_STORE\)\nban-none: .*\(REPORT_NO_ID\)\n$/)
  writeFileSync(place.path('rules/networks.yaml'), 'networks: [')
  t.match(await place.interdict('run'), { code: 1, err: /time zone of the rules.*\(REPORTS_RUN\)/ })
})

t.test(
  'the mail server may need a name that cannot be resolved, or a file that is missing',
  async t => {
    const place = site(t, `[{ report: daily, ${MAIL} }]`, '{ host: mail.invalid }')
    t.match(await place.interdict('test'), { code: 1, err: /mail\.invalid.*\(REPORT_MAIL\)/ })
    const settings = readFileSync(place.config, 'utf8')
    writeFileSync(place.config, settings.replace('mail.invalid', '127.0.0.1, ca-file: none.pem'))
    t.match(await place.interdict('test'), { code: 1, err: /none\.pem.*\(SMTP_FILE\)/ })
  }
)

t.test('only one process makes reports', async t => {
  const place = site(t, '[{ report: daily }]')
  const folder = place.path('state/reports-lock')
  const lock = new FolderLock({
    folder,
    lockedError: holder => failure('REPORTS_BUSY', folder, holder)
  })
  await lock.acquire()
  t.match(await place.interdict('run'), { code: 1, err: '(REPORTS_BUSY)' })
  lock.release()
})
