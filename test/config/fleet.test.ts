import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'

const FILE = '/srv/gw/interdict.yaml'
const KEY = 'MCowBQYDK2VwAyEA9hWZBAFjec5JsIsmLSLFol4wsf6EmyVqvsSieEkE81I='
const RULES = `rules: { bundle: state/fleet.bundle, keys: ['${KEY}'] }\n`

t.test('a fleet by NATS and by pull', async t => {
  const text = `${RULES}fleet:
  name: site-17
  nats: ['tls://nats1.example:4222']
  credentials: fleet.creds
  ca-file: ca.pem
  certificate: own.pem
  key: own.key
  pull: https://www.example/channel.json
`
  t.match(readConfig(text, FILE), {
    config: {
      fleet: {
        ...{ name: 'site-17', ring: 'all', report: 10_000 },
        nats: {
          servers: ['tls://nats1.example:4222'],
          credentials: '/srv/gw/fleet.creds',
          caFile: '/srv/gw/ca.pem',
          certificate: { certificate: '/srv/gw/own.pem', key: '/srv/gw/own.key' }
        },
        pull: {
          url: 'https://www.example/channel.json',
          interval: 30_000,
          caFile: '/srv/gw/ca.pem'
        }
      }
    }
  })
  const least = `${RULES}fleet: { name: a, pull: 'http://127.0.0.1:8080/channel.json' }`
  t.match(readConfig(least, FILE), {
    config: { fleet: { nats: undefined, pull: {}, reports: undefined } }
  })
  const reporting = `${least.slice(0, -2)}, credentials: c, report-url: 'https://hub/v1/reports' }`
  t.match(readConfig(reporting, FILE), {
    config: { fleet: { reports: { url: 'https://hub/v1/reports', credentials: '/srv/gw/c' } } }
  })
})

const NATS = `nats: ['nats://127.0.0.1:4222'], credentials: c`
for (const [fleet, expected] of [
  [`{ name: a }`, /fleet.nats: .*NATS servers here, a URL in pull, or logs/],
  [`{ name: a, nats: ['nats://127.0.0.1:4222'] }`, /interdict fleet enrol/],
  [`{ name: a.b, ${NATS} }`, /a name of a-z, 0-9 and -/],
  [`{ name: a, ring: '*', ${NATS} }`, /a name of a-z/],
  [`{ name: a, nats: ['http://x'], credentials: c }`, /a URL such as tls:/],
  [`{ name: a, nats: [x], credentials: c }`, /a URL such as tls:/],
  [`{ name: a, nats: ['nats://u:p@x:4222'], credentials: c }`, /a URL such as tls:/],
  [`{ name: a, pull: 'https://a/', report-url: 'https://a/' }`, /interdict fleet enrol/],
  [`{ name: a, ${NATS}, report-url: 'http://a/' }`, /report-url: .*https/],
  [`{ name: a, ${NATS}, key: k }`, /fleet.certificate/],
  [`{ name: a, ${NATS}, certificate: k }`, /fleet.key/],
  [`{ name: a, pull: 'http://www.example/channel.json' }`, /https:.*or http:/],
  [`{ name: a, pull: 'x' }`, /https:.*or http:/],
  [`{ name: a, ${NATS}, logs: { to: '' } }`, /a folder/],
  [
    `{ name: a, pull: 'https://x/c', logs: { to: nats } }`,
    /fleet.logs.to: .*servers in fleet.nats/
  ],
  [`{ name: a, pull: 'https://x/c', logs: { to: x, live: true } }`, /fleet.logs.live: .*servers/],
  [`{ name: a, ${NATS}, logs: { to: 's3://X' } }`, /s3:..bucket.prefix/],
  [`{ name: a, ${NATS}, logs: { to: 's3://logs', credentials: c } }`, /URL of the S3 service/],
  [`{ name: a, ${NATS}, logs: { to: 's3://logs', endpoint: 'https://x' } }`, /access key/],
  [`{ name: a, ${NATS}, logs: { to: 's3://logs', endpoint: 'http://x' } }`, /https:.*loopback/],
  [`{ name: a, ${NATS}, logs: { to: 's3://logs', endpoint: 'https://x/y' } }`, /https:/],
  [`{ name: a, ${NATS}, logs: { to: 's3://logs', endpoint: x } }`, /https:/]
] as const) {
  t.test(`refused: ${fleet}`, async t => {
    const read = readConfig(`${RULES}fleet: ${fleet}`, FILE)
    t.notOk(read.ok)
    if (!read.ok) t.match(read.errors.map(({ message }) => message).join('\n'), expected)
  })
}

t.test('a fleet needs signed bundles', async t => {
  t.match(readConfig(`rules: rules\nfleet: { name: a, ${NATS} }`, FILE), {
    errors: [
      {
        message: /rules: .*a mapping with bundle and keys or root, since a fleet has signed bundles/
      }
    ]
  })
})

t.test('where logs of a fleet go', async t => {
  const logsOf = (logs: string, more = '') => {
    const read = readConfig(`${RULES}fleet: { name: a, ${NATS}, logs: ${logs} }\n${more}`, FILE)
    return read.ok ? read.config.fleet?.logs : read.errors[0]!.message
  }
  t.strictSame(logsOf('{ to: ../logs }'), {
    ...{ to: '/srv/logs', s3: undefined, rate: 2 ** 20, keepUntilConfirmed: false, live: false }
  })
  const s3 = `endpoint: 'https://s3.example', credentials: key`
  t.match(logsOf(`{ to: 's3://logs/a/b/', ${s3}, keep-until-confirmed: true }`), {
    keepUntilConfirmed: true,
    s3: { bucket: 'logs', prefix: 'a/b/', region: 'us-east-1', credentials: '/srv/gw/key' }
  })
  t.match(logsOf(`{ to: 's3://logs', ${s3} }`), { s3: { prefix: '' } })
  t.match(logsOf('{ to: nats }'), { to: 'nats', s3: undefined })
  t.match(logsOf('{ to: logs }', 'log: { queries: { archive: false } }'), /log.queries.archive/)
})
