import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { join, dirname } from 'node:path'
import t from 'tap'
import { probe } from '../../src/cli/commands/gateway/probe.js'
import type { EndSignal } from '../../src/cli/io.js'
import { eventually } from '../daemon/site.js'
import { banning } from '../daemon/site.js'
import { serving } from '../daemon/serve.js'
import { everyName, questionIn } from '../probe/gateway.js'
import { makeCertificate } from '../tls/certificates.js'
import { interdict, Output, SETTINGS, writeSite } from './run.js'

const RULES = `${banning('banned.example', 'other.example')}
  kiosks: { extends: all, bans: [{ names: [kiosk.example], authority: A, reference: R }] }
clients:
  kiosk: { network: kiosks, sni: kiosk-3 }
  gone: { network: kiosks, sni: kiosk-1, revoked: true }
`

const [phone, other] = [1, 2].map(() => makeCertificate({ names: [], isAuthority: false }))
const CERTIFICATES = {
  'phone.pem': phone!.certificate,
  'phone.key': phone!.key,
  'other.key': other!.key
}

t.test('a real gateway, over UDP and TCP', async t => {
  const { at, site } = await serving(t, { files: { 'rules/networks.yaml': RULES } })
  const server = `${at.address}:${at.port}`
  const rules = site.path('rules')
  // Nothing here waits for it: a loaded machine may.
  const patience = ['--timeout', '20000']
  const words = ['probe', '--from', '127.0.0.1', '--rules', rules, '--server', server, ...patience]
  const right = await interdict(...words, '--network', 'all', '--names', '1')
  t.strictSame([right.code, right.err], [0, ''])
  t.equal(right.out, '6 questions as a client of all: every answer is right\n')

  const kiosk = await interdict(...words, '--client', 'kiosk', '--names', '1')
  t.equal(kiosk.code, 1, 'over UDP it is a client by its address')
  t.match(kiosk.out, /^12 questions as a client of kiosks: 6 wrong answers/)

  // A resolver that apps have built in: it knows every name.
  const elsewhere = createSocket('udp4')
  t.teardown(() => elsewhere.close())
  elsewhere.on('message', (query, { port, address }) => {
    const answer = everyName(questionIn(query))
    elsewhere.send(Buffer.from([query[0]!, query[1]!, ...answer.subarray(2)]), port, address)
  })
  elsewhere.bind(0, '127.0.0.1')
  await once(elsewhere, 'listening')
  const open = `127.0.0.1:${elsewhere.address().port}`
  const around = await interdict(
    ...words,
    '--names',
    '1',
    '--hard-coded',
    open,
    '--json',
    ...patience
  )
  t.equal(around.code, 1)
  const { failures } = JSON.parse(around.out) as { failures: Record<string, string>[] }
  t.match(failures[0], {
    kind: 'hard-coded',
    name: 'banned.example',
    problem: 'it resolves',
    server: `udp ${open}`
  })

  const foreign = await interdict(
    ...[
      'probe',
      '--from',
      '127.0.0.1',
      '--rules',
      rules,
      '--server',
      open,
      '--foreign',
      ...patience
    ]
  )
  t.equal(foreign.code, 1)
  t.match(foreign.out, /\n {2}banned\.example A at udp .*: it resolves \(ban, rule test-ban\)/)
})

t.test('rounds follow one another until a signal', async t => {
  const files = { 'interdict.yaml': SETTINGS, 'rules/networks.yaml': RULES, ...CERTIFICATES }
  const config = writeSite(t, files)
  const [stdout, stderr] = [new Output(), new Output()]
  const listeners = new Set<(signal: EndSignal) => void>()
  const io = {
    ...{ stdout, stderr, env: {}, exit: () => undefined },
    onSignal: (listener: (signal: EndSignal) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
  const options = {
    ...{ config, from: '127.0.0.1', names: '1', timeout: '1', every: '1' },
    clientCertificate: join(dirname(config), 'phone.pem'),
    clientKey: join(dirname(config), 'phone.key')
  }
  const running = probe(
    { ...options, server: ['127.0.0.1:9', 'tls://127.0.0.1:9#dns.example'] },
    io
  )
  await eventually('two rounds', () => stdout.text.split('as a client').length > 2)
  await eventually('a pause', () => listeners.size > 0)
  for (const listener of listeners) listener('SIGTERM')
  t.equal(await running, 1)
  t.match(stdout.text, 'no answer')
})

t.test('what cannot be probed is said', async t => {
  const files = { 'interdict.yaml': SETTINGS, 'rules/networks.yaml': RULES, ...CERTIFICATES }
  const config = writeSite(t, files)
  const at = (file: string): string => join(dirname(config), file)
  const rules = join(dirname(config), 'rules')
  const words = ['probe', '--rules', rules, '--server', '127.0.0.1:9', '--from']
  for (const [more, says] of [
    [['nonsense'], /--from: /],
    [['192.0.2.1'], /192\.0\.2\.1 is in no network/],
    [['127.0.0.1', '--network', 'phones'], /127\.0\.0\.1 is in network all/],
    [['127.0.0.1', '--client', 'nobody'], /--client: the rules have no client nobody/],
    [['127.0.0.1', '--client', 'gone'], /--client: client gone is revoked/],
    [['127.0.0.1', '--client', 'kiosk', '--network', 'all'], /kiosk is in network kiosks/],
    [['127.0.0.1', '--client-key', 'x'], /both or none/],
    [
      ['127.0.0.1', '--client-key', at('phone.key'), '--client-certificate', config],
      /-certificate: .*PEM/i
    ],
    [
      ['127.0.0.1', '--client-key', at('other.key'), '--client-certificate', at('phone.pem')],
      /do not belong together/
    ],
    [['127.0.0.1', '--server', 'tls://192.0.2.1'], /--server: /],
    [['127.0.0.1', '--hard-coded', 'x'], /--hard-coded: /],
    [['127.0.0.1', '--every', '0'], /--every: /]
  ] as const) {
    const { code, err } = await interdict(...words, ...more)
    t.equal(code, 2, more.join(' '))
    t.match(err, says)
  }
  const invalid = await interdict('probe', '--from', '127.0.0.1', '--rules', join(rules, 'nosuch'))
  t.equal(invalid.code, 1)
})

t.test('an address alone stands for every way to a built-in resolver', async t => {
  const config = writeSite(t, { 'interdict.yaml': SETTINGS, 'rules/networks.yaml': RULES })
  // Nothing listens there: a firewall would look the same.
  const { code, out } = await interdict(
    ...['probe', '-c', config, '--from', '127.0.0.1', '--names', '1', '--timeout', '50', '--json'],
    ...[
      '--server',
      '127.0.0.1:9',
      '--hard-coded',
      '127.0.0.9',
      'https://dns.example/dns-query@127.0.0.9'
    ]
  )
  t.equal(code, 1)
  const { asked, failures } = JSON.parse(out) as { asked: number; failures: { kind: string }[] }
  t.equal(asked, 3 * (2 + 4 + 1))
  t.notOk(failures.some(({ kind }) => kind === 'hard-coded'))
})
