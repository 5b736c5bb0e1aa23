import { rmSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { ALERT_EVENTS } from '../../src/gateway/config/alert-config.js'
import { certificateFiles, CertificateReader } from '../../src/gateway/status/certificates.js'
import type { HealthProblem, StatusReply } from '../../src/gateway/status/health.js'
import { PROBLEMS } from '../../src/gateway/status/problems.js'
import { Alerts } from '../../src/gateway/alerts/alerts.js'
import { conditionsOf, eventOf } from '../../src/gateway/alerts/conditions.js'
import { startReceiver } from '../alerts/receiver.js'
import { makeCertificate } from '../tls/certificates.js'
import { FakeTime } from '../upstream/fake-time.js'
import { MemoryLog, Threads } from './serve.js'
import { eventually, Site } from './site.js'

const DAY = 86_400_000
const NOW = Date.parse('2026-06-01T00:00:00Z')
const at = (days: number): string => new Date(NOW + days * DAY).toISOString()
const rulesEndingWithin = () => []

function statusWith(problems: readonly HealthProblem[], more: object = {}): StatusReply {
  const health = { ready: problems.length === 0, problems }
  const rules = { bundle: null }
  return { health, workers: [], certificates: [], rules, ...more } as unknown as StatusReply
}

t.test(
  'every problem has an event, but for a stop and the first seconds, and every other event is made here',
  async t => {
    const codes = Object.keys(PROBLEMS) as HealthProblem['code'][]
    const events = codes.map(eventOf)
    t.strictSame(
      codes.filter((_, i) => events[i] === undefined),
      ['STOPPING', 'UPSTREAMS_UNKNOWN']
    )
    t.strictSame(
      ALERT_EVENTS.filter(event => !events.includes(event)),
      ['worker-restarted', 'rule-ending', 'bundle-ending', 'root-ending', 'certificate-ending']
    )
  }
)

t.test('conditions are the problems of health, and what is about to become one', async t => {
  const status = statusWith(
    [
      { code: 'STOPPING', state: 'serving', subject: null, message: 'it stops' },
      { code: 'UPSTREAMS_DOWN', state: 'serving', subject: null, message: 'no upstream answers' },
      { code: 'ZONE_EXPIRED', state: 'policy', subject: 'rpz', message: 'it expired' }
    ],
    {
      workers: [
        { number: 0, restarts: 0, since: at(0) },
        { number: 1, restarts: 1, since: at(-0.001) },
        { number: 2, restarts: 1, since: at(-1) },
        { number: 3, restarts: 1, since: null }
      ],
      certificates: [
        { name: 'siem', expires: at(13) },
        { name: 'tap', expires: at(15) },
        { name: 'old', expires: at(-1) }
      ],
      rules: { bundle: { serial: 7, expires: at(14) } }
    }
  )
  const asked: number[] = []
  const sources = {
    status,
    now: NOW,
    rulesEndingWithin: (time: number) => {
      asked.push(time)
      const ending = (ruleId: string, kind: string, days: number) => {
        return { ruleId, kind, until: NOW / 1000 + days * 86_400 }
      }
      const many = Array.from({ length: 12 }, (_, i) => ending(`b${i}`, 'ban', 2))
      return [
        ending('press', 'exception', 1),
        ...many,
        { ...ending('a', 'ban', 3), lastDay: '2026-01-03' },
        { ...ending('b', 'ban', 3), lastDay: '2026-01-03' }
      ]
    }
  }
  const shown = Array.from({ length: 10 }, (_, i) => `ban b${i}`).join(', ')
  t.strictSame(
    conditionsOf(sources, 14 * DAY).map(({ event, subject, severity, message }) =>
      [event, subject ?? '-', severity, message].join(' ')
    ),
    [
      'upstreams-down - critical no upstream answers',
      'zone-expired rpz warning it expired',
      'worker-restarted 1 warning worker 1 was restarted: see the service log',
      'worker-restarted 3 warning worker 3 was restarted: see the service log',
      `rule-ending ${at(1)} warning exception press ends at ${at(1)}`,
      `rule-ending ${at(2)} warning ${shown} and 2 more end at ${at(2)}`,
      `rule-ending ${at(3)} warning ban a, ban b end soon: the last day is 2026-01-03`,
      `bundle-ending - warning bundle 7 expires at ${at(14)}`,
      `certificate-ending siem warning certificate of siem expires at ${at(13)}`
    ]
  )
  t.strictSame(asked, [14 * 86_400])
})

t.test('sends what changes to the hooks of the settings', async t => {
  const receiver = await startReceiver(t)
  const log = new MemoryLog()
  const time = new FakeTime()
  let problems: readonly HealthProblem[] = []
  let status = (): Promise<StatusReply> => Promise.resolve(statusWith(problems))
  const alerts = new Alerts({
    ...{ startThread: new Threads().start, log, rulesEndingWithin },
    ...{ timers: time.timers, clock: time.clock },
    status: () => status()
  })
  t.teardown(() => alerts.end())
  const set = (text: string): void => {
    const read = readConfig(text, '/x/interdict.yaml')
    if (!read.ok) throw new Error(read.errors.join())
    alerts.update(read.config, { servers: [], domains: [] })
  }
  /** Lets a check come, and end. */
  const check = async (): Promise<void> => {
    time.advance(5000)
    await eventually('the next check', () => time.waiting > 0)
  }
  const got = async (count: number) => {
    await eventually(`${count} alerts`, () => receiver.received.length >= count)
    await eventually('the end of the thread', () => alerts.status.every(one => one.waiting === 0))
    return receiver.received.at(-1)!.alert
  }
  set('')
  alerts.start()
  t.equal(time.waiting, 0, 'no check without a hook')
  const url = `'http://127.0.0.1:${receiver.port}/'`
  set(`identity: { name: gw7 }\nalerts: [{ url: ${url} }]`)
  problems = [
    { code: 'RULES_REFUSED', state: 'policy', subject: null, message: 'the rules have errors' }
  ]
  await check()
  t.match(await got(1), {
    ...{ event: 'rules-refused', state: 'raised', severity: 'critical', subject: null },
    gateway: { name: 'gw7' }
  })
  t.match(alerts.status, [{ name: '127.0.0.1', active: 1, sent: 1 }])

  status = () => Promise.reject(new Error('no status'))
  await check()
  t.match(log.with('alerts not checked'), [{ fields: { error: 'no status' } }])
  status = () => Promise.resolve(statusWith(problems))

  set(`alerts: [{ url: ${url}, resend: 10s }]`)
  await check()
  t.match(await got(2), { state: 'raised', repeat: 1 }, 'the hook kept its alert')
  problems = []
  for (let i = 0; i < 3; i++) await check()
  t.match(await got(3), { event: 'rules-refused', state: 'resolved' })
  t.match(alerts.status, [{ active: 0, sent: 3 }])

  set('')
  t.strictSame(alerts.status, [])
  t.equal(time.waiting, 0)
  set(`alerts: [{ url: ${url} }]`)
  let reply: (status: StatusReply) => void = () => undefined
  status = () => new Promise(resolve => (reply = resolve))
  time.advance(5000)
  await alerts.close()
  reply(statusWith([{ code: 'RULES_REFUSED', state: 'policy', subject: null, message: 'late' }]))
  await new Promise(resolve => setImmediate(resolve))
  t.equal(time.waiting, 0, 'no check after the end')
  t.match(alerts.status, [{ active: 0 }])
})

t.test('the dates of certificates that the settings name', async t => {
  const notAfter = new Date('2030-01-01T00:00:00.000Z')
  const site = new Site(t, { 'cert.pem': makeCertificate({ notAfter }).certificate })
  const to = 'to: tls://siem.example:6514'
  const read = readConfig(
    `admin: { http: '127.0.0.1:1', tls: { certificate: admin.pem, key: key.pem } }
log: { outputs: [{ name: siem, type: syslog, ${to}, cert: cert.pem, key: key.pem },
                      { name: bad, type: syslog, ${to}, cert: none.pem, key: key.pem },
                      { name: plain, type: syslog, ${to} }] }`,
    site.path('interdict.yaml')
  )
  if (!read.ok) throw new Error(read.errors.join())
  const files = certificateFiles(read.config)
  t.strictSame(
    files.map(({ name }) => name),
    ['admin.http', 'output siem', 'output bad']
  )
  const reader = new CertificateReader(files)
  const expires = notAfter.toISOString()
  const dates = [{ name: 'output siem', expires, error: null, uncovered: [] }]
  t.strictSame(reader.read(), dates)
  rmSync(site.path('cert.pem'))
  t.strictSame(reader.read(), dates, 'not read again at once')
})
