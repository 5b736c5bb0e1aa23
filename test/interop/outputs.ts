/**
 * Outputs of the query log against the readers that others wrote: `fstrm_capture` and `dnstap-read`
 * over a Unix socket and over TCP, `rsyslogd` over UDP and TCP.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { askUdp } from '../gateway/asker.js'
import { banning, Site } from '../gateway/site.js'
import { address, serve } from '../cli/serving.js'
import { install } from './install.js'
import { eventually, Running } from './processes.js'

// To install them takes its time.
t.setTimeout(300_000)

install({
  fstrm_capture: 'fstrm-bin',
  'dnstap-read': 'bind9-dnsutils',
  rsyslogd: 'rsyslog'
})

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
  const server = serve(t, site)
  const at = await address(server)
  for (const name of ['a.banned.example', 'b.banned.example', 'banned.example'])
    await askUdp(at, name)
  await eventually('three lookups are there', 20, () => Promise.resolve(isDone()))
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
  t.notMatch(server.log(), /OUTPUT_/)
}

async function freeTcpPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>(resolve => server.close(() => resolve()))
  return port
}

for (const kind of ['unix', 'tcp'] as const) {
  t.test(`dnstap over ${kind}, read by fstrm_capture and dnstap-read`, async t => {
    const site = new Site(t, {})
    const [file, socket] = [site.path('tap.fstrm'), site.path('tap.sock')]
    const port = await freeTcpPort()
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
  })
}

for (const kind of ['udp', 'tcp'] as const) {
  t.test(`syslog over ${kind}, read by rsyslogd`, async t => {
    const port = await freeTcpPort()
    const site = new Site(t, {})
    const [conf, file] = [site.path('rsyslog.conf'), site.path('out')]
    site.write(
      'rsyslog.conf',
      `module(load="im${kind}")
input(type="im${kind}" address="127.0.0.1" port="${port}")
template(name="t" type="string" string="%app-name% %msgid% %structured-data% %msg%\\n")
action(type="omfile" file="${file}" template="t")
`
    )
    const rsyslog = new Running(t, 'rsyslogd', ['-n', '-f', conf, '-i', site.path('pid')])
    await eventually('it runs', 10, () => Promise.resolve(existsSync(site.path('pid'))))
    const read = (): string[] =>
      existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    const ours = (): string[] => read().filter(line => line.startsWith('interdict blocked '))
    const to = `${kind}://127.0.0.1:${port}`
    const output = `{ name: siem, type: syslog, format: sentence, to: '${to}' }`
    await blockThree(t, output, () => ours().length === 3)
    t.match(
      ours()[0],
      /\[interdict@32473 v="1" .* qname="a\.banned\.example" .*\] 127\.0\.0\.1 asked for a\.banned\.example A: blocked by test-ban \(networks\.yaml:5\)/
    )
    rsyslog.signal('SIGTERM')
    await rsyslog.ended
  })
}
