import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { changedSections } from '../../src/gateway/config/restart-keys.js'

const FILE = '/etc/interdict/interdict.yaml'
const OTHERS = `
rules: { bundle: /b, keys: [k.pub] }
acme: { directory: 'https://acme.example' }
admin: { http: '127.0.0.1:8053', oidc: { issuer: 'https://idp.example', client-id: a, base-url: 'https://gw.example', roles: { read: [r] } } }
alerts: [{ url: 'https://alerts.example' }]
fleet:
  name: gw
  credentials: /c
  pull: https://fleet.example
  report-url: https://hub.example/v1/reports
  logs: { to: 's3://logs', endpoint: 'https://s3.example', credentials: /s3 }
log:
  queries:
    chain: { sign-key: /key }
    witness: { tsa: { url: 'https://tsa.example', ca-file: /tsa.pem } }
  outputs:
    - { name: otlp, type: otlp, to: 'https://collector.example' }
    - { name: syslog, type: syslog, to: 'udp://192.0.2.1:514' }
`
const read = (proxy: string) => {
  const found = readConfig(`proxy: ${proxy}${OTHERS}`, FILE)
  if (!found.ok) throw new AggregateError(found.errors, String(found.errors[0]))
  return found.config
}

t.test('each part that sends HTTP requests has the proxy, and nothing else', t => {
  const config = read(
    "{ url: 'http://proxy.example:3128/', credentials-file: proxy, ca-file: ca.pem, except: [Corp.Example., 10.0.0.0/8, '2001:db8::1'] }"
  )
  const proxy = config.proxy?.http
  t.match(config.proxy, {
    http: {
      url: 'http://proxy.example:3128',
      ...{ credentialsFile: '/etc/interdict/proxy', caFile: '/etc/interdict/ca.pem' },
      exceptNames: ['corp.example']
    },
    position: { file: FILE, line: 1 }
  })
  t.strictSame(
    proxy?.exceptPrefixes.map(({ length }) => length),
    [104, 128]
  )
  const { remoteLists, acme, admin, alerts, fleet, log } = config
  const parts = [remoteLists, acme, admin.oidc, alerts[0], fleet?.pull, fleet?.reports]
  const others = [fleet?.logs?.s3, log.queries.witness?.tsa, log.outputs[0]]
  for (const part of [...parts, ...others]) t.strictSame(part?.proxy, proxy)
  t.notOk(log.outputs[1]?.proxy)
  t.strictSame(changedSections(config, read("{ url: 'http://other.example' }")), ['proxy'])
  t.equal(read("{ except: ['10.0.0.1'] }").proxy, undefined)
  t.end()
})

t.test('invalid keys are reported where they are', t => {
  const errors = (text: string): string => {
    const found = readConfig(`proxy:\n  ${text}\n`, FILE)
    return found.ok ? 'none' : found.errors.map(({ message }) => message).join()
  }
  const bad = ['proxy.example', 'ftp://proxy.example', 'http://u:p@proxy', 'http://proxy/path']
  for (const url of bad) {
    const message = errors(`url: '${url}'`)
    t.match(message, /^\/etc\/interdict\/interdict\.yaml:2:8: .*proxy\.url.*such as http:/, url)
  }
  for (const except of ['10.1.2.3/8', '*.corp', 'a_b/8', '1.2.3', '']) {
    t.match(errors(`except: ['${except}']`), /:2:12: .*a host name, an address or a prefix/, except)
  }
  t.end()
})
