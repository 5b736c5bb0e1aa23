/** Scheduled reports by a real mail server, and report pages in a real browser. */
import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync
} from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { HtmlValidate } from 'html-validate'
import { launch, type Browser, type Page } from 'puppeteer-core'
import t, { type Test } from 'tap'
import { listenAddress, startServer } from '../cli/server-process.js'
import { Site } from '../daemon/site.js'
import { archiveWeek, writeWeek } from '../example/week.js'
import { makeCertificate } from '../tls/certificates.js'
import { install } from '../../tools/install.js'
import { eventually, folder, interdict, Running } from './processes.js'

t.setTimeout(300_000)

install('chromium')
install('/usr/share/doc/python3-aiosmtpd')

const PASSWORD = 'correct horse battery staple'
const RULES = /```yaml\n(# networks\.yaml\n[^]*?)```/.exec(
  readFileSync('docs/guides/reports.md', 'utf8')
)![1]!

interface MailServer {
  readonly port: number
  readonly certificate: string
  /** Messages as they were received. */
  messages(): readonly string[]
}

async function mailServer(t: Test, mode: 'starttls' | 'tls'): Promise<MailServer> {
  const home = folder(t)
  const { certificate, key } = makeCertificate({ names: ['127.0.0.1'] })
  writeFileSync(join(home, 'certificate.pem'), certificate)
  writeFileSync(join(home, 'key.pem'), key)
  const inbox = join(home, 'inbox')
  mkdirSync(inbox)
  const files = [inbox, join(home, 'certificate.pem'), join(home, 'key.pem')]
  const server = new Running(t, '/usr/bin/python3', [
    'test/interop/smtp-server.py',
    ...files,
    mode,
    '0'
  ])
  await server.says(/listening on \d+\n/, 60)
  return {
    port: Number(/listening on (\d+)/.exec(server.output)![1]),
    certificate,
    messages: () =>
      readdirSync(inbox)
        .filter(name => name.endsWith('.eml'))
        .map(name => readFileSync(join(inbox, name), 'utf8'))
  }
}

/** A gateway's folder with a week of lookups, and reports by a mail server. */
async function site(
  t: Test,
  server: MailServer,
  { reports, smtp = '' }: { readonly reports: string; readonly smtp?: string }
): Promise<Site> {
  const site = new Site(t, {
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: ['127.0.0.1:9'], use-resolv-conf: false, loop-check: 0s, idle-probe: 0s }
identity: { name: gw1 }
admin: { socket: admin.sock }
log: { queries: { file: log/queries.jsonl } }
smtp:
  host: 127.0.0.1
  port: ${server.port}
  user: reporter
  password-file: password
  ca-file: ca.pem
  timeout: 20s
  ${smtp}
reports: ${reports}
`,
    'rules/networks.yaml': RULES,
    password: PASSWORD,
    'ca.pem': server.certificate
  })
  chmodSync(site.path('password'), 0o600)
  cpSync('rules/apps', site.path('rules/apps'), { recursive: true })
  await archiveWeek(writeWeek(site.path('log')))
  return site
}

const MAIL =
  'mail: { from: Interdict <reports@gw.test>, to: [ops@example.test, audit@example.test] }'

/** The parts of a message, decoded. */
function partsOf(message: string): Record<string, string> {
  const script = `
import email, email.policy, json, sys
message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
parts = {}
for part in message.walk():
    if part.is_multipart(): continue
    name = part.get_filename() or part.get_content_type()
    parts[name] = part.get_content() if isinstance(part.get_content(), str) else part.get_content().decode()
print(json.dumps({**parts, "subject": message["subject"], "to": message["to"], "id": message["message-id"], "auto": message["auto-submitted"]}))`
  const out = execFileSync('/usr/bin/python3', ['-c', script], { input: message, encoding: 'utf8' })
  return JSON.parse(out) as Record<string, string>
}

for (const mode of ['starttls', 'tls'] as const) {
  t.test(`a report is stored and mailed, with a login over ${mode}`, async t => {
    const server = await mailServer(t, mode)
    const place = await site(t, server, {
      reports: `[{ report: weekly, ${MAIL} }, { report: ban, ban: federal-tiktok }]`,
      smtp: `tls: ${mode}`
    })
    const config = place.path('interdict.yaml')
    const tested = await interdict('reports', 'test', '-c', config)
    t.strictSame(tested, { code: 0, text: 'weekly: sent to 2 addresses\n' })
    t.match(partsOf(server.messages()[0]!), { subject: 'Test of the report weekly (gw1)' })
    const sent = await interdict('reports', 'send', '-c', config)
    t.equal(sent.code, 0, sent.text)
    t.match(
      sent.text,
      /weekly-\d{4}-w\d\d\.html, sent to 2 addresses\n.*ban-federal-tiktok-.*\.html\n/
    )
    const { text } = await interdict('reports', 'list', '-c', config, '--json')
    const { reports } = JSON.parse(text) as { reports: { name: string; title: string }[] }
    t.equal(reports.length, 2)
    const weekly = reports.find(({ name }) => name.startsWith('weekly'))!
    const parts = partsOf(server.messages().at(-1)!)
    t.match(parts, {
      subject: `${weekly.title} (gw1)`,
      to: 'ops@example.test, audit@example.test',
      auto: 'auto-generated',
      id: /^<weekly-.*@gw\.test>$/
    })
    t.match(parts['text/plain'], /^Weekly report, .*\nPeriod /)
    t.match(parts['text/html'], '<h1>Weekly report, ')
    t.equal(
      parts[weekly.name]!.replaceAll('\r\n', '\n'),
      readFileSync(place.path(`state/reports/${weekly.name}`), 'utf8'),
      'the page is attached'
    )
  })
}

t.test(
  'a wrong password, certificate or recipient is reported, and what was stored stays',
  async t => {
    const server = await mailServer(t, 'starttls')
    const place = await site(t, server, { reports: `[{ report: daily, ${MAIL} }]` })
    const config = place.path('interdict.yaml')
    const send = () => interdict('reports', 'send', '-c', config)
    place.write('password', 'wrong')
    chmodSync(place.path('password'), 0o600)
    t.match(await send(), { code: 1, text: /Invalid login.*\(REPORT_MAIL\)/ })
    t.equal(readdirSync(place.path('state/reports')).length, 2)
    chmodSync(place.path('password'), 0o644)
    t.match(await send(), { code: 1, text: /mode 644 is too open.*\(SMTP_FILE\)/ })
    place.write('password', PASSWORD)
    chmodSync(place.path('password'), 0o600)
    place.write('ca.pem', makeCertificate({ names: ['127.0.0.1'] }).certificate)
    t.match(await send(), { code: 1, text: /self.signed certificate.*\(REPORT_MAIL\)/ })
    t.equal(server.messages().length, 0)
    place.write('ca.pem', server.certificate)
    const text = readFileSync(config, 'utf8')
    place.write('interdict.yaml', text.replace('audit@example.test', 'nobody@example.test'))
    t.match(await send(), { code: 1, text: /nobody@example\.test \(REPORT_RECIPIENT\)/ })
    t.equal(server.messages().length, 1, 'the other has got it')
  }
)

t.test(
  'the gateway makes a report that it missed, once, and tries again after a failure',
  async t => {
    const server = await mailServer(t, 'starttls')
    const place = await site(t, server, { reports: `[{ report: daily, ${MAIL} }]` })
    const config = place.path('interdict.yaml')
    const done = new Date(Date.now() - 10 * 86_400_000).toISOString()
    const state = { done, failures: 0, retry: null, error: null, made: null }
    mkdirSync(place.path('state'), { recursive: true })
    const schedule = place.path('state/scheduled-reports.json')
    writeFileSync(schedule, JSON.stringify({ version: 1, reports: { daily: state } }))
    place.write('ca.pem', makeCertificate({ names: ['127.0.0.1'] }).certificate)
    const gateway = startServer(t, place)
    await listenAddress(gateway)
    const status = async (): Promise<{
      reports: { made: number; failed: number; error: string | null }[]
      health: { problems: { code: string }[] }
    }> => JSON.parse((await interdict('status', '--json', '-c', config)).text) as never
    await eventually(
      'the first try fails',
      120,
      async () => (await status()).reports[0]!.failed > 0
    )
    t.match((await status()).health.problems, [{ code: 'REPORTS_FAILING' }])
    place.write('ca.pem', server.certificate)
    // The next try is a minute later; a run of the same command does not wait for it.
    const states = JSON.parse(readFileSync(schedule, 'utf8')) as {
      reports: { daily: { retry: string | null } }
    }
    t.type(states.reports.daily.retry, 'string')
    states.reports.daily.retry = done
    writeFileSync(schedule, JSON.stringify(states))
    const run = await interdict('reports', 'run', '-c', config)
    t.match(run, { code: 0, text: /^daily: stored as .*, sent to 2 addresses\n$/ })
    t.match(await interdict('reports', 'run', '-c', config), { code: 0, text: /not due before/ })
    t.equal(server.messages().length, 1)
  }
)

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const VIEWS = [
  [420, 'light'],
  [1280, 'dark']
] as const

async function pageAt(
  t: Test,
  browser: Browser,
  file: string,
  [width, scheme]: (typeof VIEWS)[number]
): Promise<Page> {
  const page = await browser.newPage()
  await page.setViewport({ width, height: 900 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  page.on('request', request => t.match(request.url(), /^file:/, 'no outside request'))
  page.on('console', message => t.fail(`console: ${message.text()}`))
  await page.goto(`file://${file}`)
  return page
}

t.test('pages are valid, accessible, complete on paper, and fit a phone', async t => {
  const server = { port: 9, certificate: '', messages: () => [] }
  const place = await site(t, server, { reports: '[]' })
  const config = place.path('interdict.yaml')
  const file = (name: string): string => resolve(place.path(`${name}.html`))
  cpSync('rules/apps', place.path('candidate/apps'), { recursive: true })
  place.write('candidate/networks.yaml', RULES.replace('mode: monitor', 'mode: enforce'))
  const commands: Readonly<Record<string, readonly string[]>> = {
    daily: ['report', 'daily', '--until', '2026-11-11'],
    weekly: ['report', 'weekly', '--until', '2026-11-12'],
    monthly: ['report', 'monthly', '--since', '2026-11-01'],
    ban: ['report', 'ban', 'federal-tiktok'],
    bypass: ['report', 'bypass'],
    overview: ['report', '--by', 'client'],
    replay: ['replay', place.path('log'), '--rules', place.path('candidate')]
  }
  const validator = new HtmlValidate({
    extends: ['html-validate:standard'],
    // Figures are formatted by the program.
    rules: { 'no-inline-style': 'error', 'long-title': 'off', 'tel-non-breaking': 'off' }
  })
  const browser = await launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu']
  })
  t.teardown(() => browser.close())
  for (const [name, words] of Object.entries(commands)) {
    const made = await interdict(...words, '-c', config, '-o', file(name))
    t.equal(made.code, 0, `${name}: ${made.text}`)
    const html = readFileSync(file(name), 'utf8')
    const { results } = await validator.validateString(html, name)
    const messages = results.flatMap(it => it.messages.map(one => `${one.line}: ${one.message}`))
    t.strictSame(messages, [], `${name} is valid`)
    for (const view of VIEWS) {
      const page = await pageAt(t, browser, file(name), view)
      const width = await page.evaluate('document.documentElement.scrollWidth')
      t.equal(width, view[0], `${name} fits ${view[0]} px`)
      await page.evaluate(readFileSync(axe, 'utf8'))
      const found = (await page.evaluate('axe.run()')) as {
        violations: { id: string; impact: string; nodes: { html: string }[] }[]
      }
      const serious = found.violations
        .filter(({ impact }) => ['serious', 'critical'].includes(impact))
        .map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)
      t.strictSame(serious, [], `${name}, ${view.join(' ')}: axe`)
      await page.close()
    }
    const page = await pageAt(t, browser, file(name), VIEWS[1])
    await page.emulateMediaType('print')
    const hidden = await page.evaluate(
      "[...document.querySelectorAll('tbody tr')].filter(row => row.getBoundingClientRect().height === 0).length"
    )
    t.equal(hidden, 0, `${name}: every row is printed`)
    await page.close()
  }
  t.ok(existsSync(file('replay')))
  const styles = Object.keys(commands).map(name => {
    const [, style] = /<style>([^]*?)<\/style>/.exec(readFileSync(file(name), 'utf8'))!
    return createHash('sha256').update(style!).digest('hex')
  })
  t.equal(new Set(styles).size, 1, 'one style sheet for all')
})
