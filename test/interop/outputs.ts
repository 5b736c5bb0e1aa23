/**
 * Outputs of the query log against the readers that others wrote: `fstrm_capture`, `dnstap-read` and
 * `protoc` over a Unix socket and over TCP, `rsyslogd` over UDP, TCP and TLS (GnuTLS).
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import { listenAddress, startServer } from '../cli/server-process.js'
import { askUdp } from '../daemon/dns-client.js'
import { banning, Site } from '../daemon/site.js'
import { policiesIn } from './dnstap-policies.js'
import { install } from '../../tools/install.js'
import { eventually, freePort, Running } from './processes.js'

// To install them takes its time.
t.setTimeout(300_000)

install(
  'fstrm_capture',
  'dnstap-read',
  'rsyslogd',
  'protoc',
  'openssl',
  '/usr/lib/*/rsyslog/lmnsd_gtls.so'
)

const settings = (output: string): string => `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
log: { queries: { file: queries.jsonl, flush: 10ms }, outputs: [${output}] }
`

/** A gateway that has blocked three lookups; resolves when it has ended. */
async function blockThree(t: Test, output: string, isDone: () => boolean): Promise<void> {
  const site = new Site(t, {
    'interdict.yaml': settings(output),
    'rules/networks.yaml': banning('banned.example')
  })
  const server = startServer(t, site)
  const at = await listenAddress(server)
  for (const name of ['a.banned.example', 'b.banned.example', 'banned.example'])
    await askUdp(at, name)
  await eventually('three lookups are there', 20, () => Promise.resolve(isDone()))
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
  t.notMatch(server.log(), /OUTPUT_/)
}

for (const kind of ['unix', 'tcp'] as const) {
  t.test(`dnstap over ${kind}, read by fstrm_capture and dnstap-read`, async t => {
    const site = new Site(t, {})
    const [file, socket] = [site.path('tap.fstrm'), site.path('tap.sock')]
    const port = await freePort()
    const where = kind === 'unix' ? ['-u', socket] : ['-a', '127.0.0.1', '-p', String(port)]
    const type = ['-t', 'protobuf:dnstap.Dnstap', '-w', file, '-b', '8192']
    const capture = new Running(t, 'fstrm_capture', [...type, ...where])
    if (kind === 'unix') await eventually('a socket', 10, () => Promise.resolve(existsSync(socket)))
    const to = kind === 'unix' ? `unix:${socket}` : `tcp://127.0.0.1:${port}`
    let asked = 0
    await blockThree(t, `{ name: tap, type: dnstap, to: '${to}' }`, () => ++asked > 40)
    capture.signal('SIGTERM')
    await capture.ended
    const lines = execFileSync('dnstap-read', [file], { encoding: 'utf8' }).trim().split('\n')
    t.equal(lines.length, 3)
    t.match(lines[0], /CR .*127\.0\.0\.1.*UDP .*a\.banned\.example\/IN\/A/)
    const yaml = execFileSync('dnstap-read', ['-y', file], { encoding: 'utf8' })
    t.match(yaml, /type: CLIENT_RESPONSE/)
    t.match(yaml, /version: interdict \d/)
    t.match(yaml, /status: NXDOMAIN/)
    t.match(yaml, /QUESTION: 1, ANSWER: 0/)
    const policy = {
      ...{ type: 'ban', rule: 'test-ban networks.yaml:5', action: 'NXDOMAIN', match: 'QNAME' },
      value: 'banned.example'
    }
    t.strictSame(policiesIn(file, site.folder), [policy, policy, policy])
  })
}

const TLS = 'test/fixtures/tls'
const SERVER = { cert: resolve(`${TLS}/siem.example.pem`), key: resolve(`${TLS}/siem.example.key`) }

/** The settings of rsyslogd's TLS: its own certificate, and whose clients' are to be right. */
const gtls = (ca: string): string => `
global(DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="${ca}"
  DefaultNetstreamDriverCertFile="${SERVER.cert}" DefaultNetstreamDriverKeyFile="${SERVER.key}")
`

/** A certificate for a client, which signs itself. */
function clientCertificate(site: Site): { cert: string; key: string } {
  const [cert, key] = [site.path('client.pem'), site.path('client.key')]
  const subject = ['-subj', '/CN=gateway.example', '-addext', 'subjectAltName=DNS:gateway.example']
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore'
  })
  return { cert, key }
}

const SECURE = `StreamDriver.Name="gtls" StreamDriver.Mode="1"`
const SYSLOGS = [
  { it: 'udp', kind: 'udp', module: 'imudp', auth: undefined },
  { it: 'tcp', kind: 'tcp', module: 'imtcp', auth: undefined },
  { it: 'tls', kind: 'tls', module: 'imtcp', auth: `${SECURE} StreamDriver.AuthMode="anon"` },
  {
    ...{ it: 'tls, with a certificate of ours', kind: 'tls', module: 'imtcp' },
    auth: `${SECURE} StreamDriver.AuthMode="x509/name" PermittedPeer="gateway.example"`
  }
] as const

for (const { it, kind, module, auth } of SYSLOGS) {
  t.test(`syslog over ${it}, read by rsyslogd`, async t => {
    const port = await freePort()
    const site = new Site(t, {})
    const [conf, file] = [site.path('rsyslog.conf'), site.path('out')]
    const client = clientCertificate(site)
    site.write(
      'rsyslog.conf',
      `${auth === undefined ? '' : gtls(client.cert)}module(load="${module}" ${auth ?? ''})
input(type="${module}" address="127.0.0.1" port="${port}")
template(name="t" type="string" string="%app-name% %msgid% %structured-data% %msg%\\n")
action(type="omfile" file="${file}" template="t")
`
    )
    const rsyslog = new Running(t, 'rsyslogd', ['-n', '-f', conf, '-i', site.path('pid')])
    await eventually('it runs', 10, () => Promise.resolve(existsSync(site.path('pid'))))
    const read = (): string[] =>
      existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    const ours = (): string[] => read().filter(line => line.startsWith('interdict blocked '))
    const secure = `ca: ${SERVER.cert}, server-name: siem.example, cert: ${client.cert}, key: ${client.key}`
    const more = auth === undefined ? '' : `, ${secure}`
    const to = `${kind}://127.0.0.1:${port}`
    const output = `{ name: siem, type: syslog, format: sentence, to: '${to}'${more} }`
    await blockThree(t, output, () => ours().length === 3)
    t.match(
      ours()[0],
      /\[interdict@32473 v="1" .* qname="a\.banned\.example" .*\] 127\.0\.0\.1 asked for a\.banned\.example A: blocked by test-ban \(networks\.yaml:5\)/
    )
    rsyslog.signal('SIGTERM')
    await rsyslog.ended
  })
}
