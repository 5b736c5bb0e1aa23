import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import type { ProbeStatus } from '../../src/gateway/probe/probe-status.js'
import { withHealth } from '../../src/gateway/status/health.js'
import { makeCertificate } from '../tls/certificates.js'
import { serving, settingsText, type Rig, type Setting } from './serve.js'
import { eventually } from './site.js'

const { certificate, key } = makeCertificate({ names: ['dns.example', '*.dns.example'] })
const HTTP = '{ http: 127.0.0.1:0, tls: { certificate: cert.pem, key: key.pem } }'
const day = (later: number): string =>
  new Date(Date.now() + later * 86_400_000).toISOString().slice(0, 10)
const rules = (...bans: readonly string[]): string => `networks:
  phones:
    prefixes: [10.1.0.0/16]
    bans: [${bans.map(name => `{ names: [${name}], authority: A, reference: R }`).join(', ')}]
    exceptions:
      - { names: [one.example], prefixes: [10.1.7.0/24], purpose: P, approved-by: B,
          from: ${day(-1)}, until: ${day(30)} }
  guests: { prefixes: [10.2.0.0/16, 127.0.0.0/8, 10.3.0.0/17, 10.3.128.0/17] }
  tablets: { bans: [{ names: [tablet.example], authority: A, reference: R, id: tablets }] }
  base: { prefixes: [10.3.0.0/16], bans: [{ names: [base.example], authority: A, reference: R, id: nobody }] }
clients:
  tablet: { network: tablets, sni: tablet-1 }
`
const setting: Setting = {
  workers: 2,
  listen: [
    '127.0.0.1:0',
    '{ address: 127.0.0.1:0, protocol: dot, certificate: cert.pem, key: key.pem }',
    '{ address: 127.0.0.1:0, protocol: doh, certificate: cert.pem, key: key.pem }',
    '{ address: 127.0.0.1:0, protocol: dot, certificate: cert.pem, key: key.pem, anonymous-clients: refuse }',
    '{ address: 127.0.0.2:0, protocol: doh, certificate: cert.pem, key: key.pem, name: dns.example, anonymous-clients: refuse }',
    '{ address: 127.0.0.2:0, protocol: dot, certificate: cert.pem, key: key.pem }'
  ],
  files: {
    'cert.pem': certificate,
    'key.pem': key,
    'rules/networks.yaml': rules('one.example')
  },
  more: `probe: { enabled: true, every: 1s, ca-file: cert.pem }
discovery: { name: dns.example, addresses: [127.0.0.1] }
admin: ${HTTP}
front-ends: { proxy-protocol: [127.0.0.2/32] }`
}

const probeOf = async ({ gateway }: Rig): Promise<ProbeStatus> => (await gateway.status()).probe!

/** Waits until more rounds have ended, and the last one was good. */
async function goodRounds(rig: Rig, more = 2): Promise<ProbeStatus> {
  const { rounds } = await probeOf(rig)
  await eventually('good rounds', async () => {
    const now = await probeOf(rig)
    return now.rounds >= rounds + more && now.failing === 0 && now.lastGood === now.last?.at
  })
  return probeOf(rig)
}

t.test('a gateway asks itself over every transport, which counts nowhere', async t => {
  const rig = await serving(t, setting)
  const probe = await goodRounds(rig)
  // Earlier rounds may have been too slow where the machine has much else to do.
  t.match(probe, { everySeconds: 1, failing: 0, failures: [] })
  // The ban from within and from outside the prefix of the exception, for three types over four transports.
  t.ok(probe.last!.asked >= 2 * 3 * 4, `${probe.last!.asked} questions`)
  const nobody = { what: 'ban nobody', why: 'no client is in a network that has it' }
  t.match(probe.skipped, [
    nobody,
    { what: 'clients by server name', why: /^1: / },
    { what: 'front ends' },
    { what: /^name in the certificate of https /, why: /admin\.oidc\.base-url/ }
  ])
  t.match(probe, { tlsListeners: 6, certificates: [] })
  t.strictSame(probe.bans, { all: 3, probed: 2 })
  const { queries, recorder, identities } = await rig.gateway.status()
  t.match(identities, { known: 0, missing: 0, refused: 0 }, 'nor as connections of clients')
  t.match(queries, { udp: 0, tcp: 0, dot: 0, doh: 0, forwarded: 0 })
  t.equal(recorder!.lookups.blocked, 0)
  t.ok(recorder!.lookups.probe > 0)
  const names = { phones: 'one.example', tablets: 'tablet.example' }
  for (const [network, qname] of Object.entries(names)) {
    const isOne = (it: object): boolean => 'network' in it && it.network === network
    await eventually(`a record of ${network}`, () => rig.site.records().some(isOne))
    t.match(rig.site.records().find(isOne), { verdict: 'probe', qname, ede: 15 })
  }
  const [file] = readdirSync(rig.site.path('state/probe'))
  const rounds = (): { readonly failures: readonly unknown[]; readonly skipped?: unknown }[] =>
    readFileSync(rig.site.path(`state/probe/${file!}`), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as ReturnType<typeof rounds>[number])
  const goodRound = (): unknown => rounds().find(({ failures }) => failures.length === 0)
  // Those so far may have been too slow, as above.
  await eventually('a good round in the file', () => goodRound() !== undefined)
  t.match(goodRound(), { every: 1, asked: Number })
  // Recorded with the first round, good or not, and then when it changes.
  t.match(rounds()[0], { skipped: [nobody, Object, Object, Object] })
})

t.test('every TLS listener is verified as a strict client would', async t => {
  const other = makeCertificate({ names: ['tablet-1.phones.example'] })
  const expired = makeCertificate({ notAfter: new Date(Date.now() - 1000) })
  const own = (file: string): string => `certificate: ${file}.pem, key: ${file}-key.pem`
  const rig = await serving(t, {
    ...setting,
    listen: [
      `{ address: 127.0.0.1:0, protocol: dot, ${own('good')} }`,
      `{ address: 127.0.0.1:0, protocol: doh, ${own('good')}, name: phones.example }`,
      `{ address: 127.0.0.1:0, protocol: dot, name: phones.example, anonymous-clients: refuse, unknown-clients: refuse, certificates: [{ ${own('good')} }, { ${own('other')} }] }`,
      `{ address: 127.0.0.2:0, protocol: doh, ${own('expired')} }`
    ],
    files: {
      'rules/networks.yaml': rules('one.example'),
      'ca.pem': certificate + other.certificate,
      ...{ 'good.pem': certificate, 'good-key.pem': key },
      ...{ 'other.pem': other.certificate, 'other-key.pem': other.key },
      ...{ 'expired.pem': expired.certificate, 'expired-key.pem': expired.key }
    },
    more: `probe: { enabled: true, every: 1s, ca-file: ca.pem }
discovery: { name: dns.example, addresses: [127.0.0.1] }
admin: { http: 127.0.0.1:0, tls: { ${own('expired')} } }
front-ends: { proxy-protocol: [127.0.0.2/32] }`
  })
  const listeners = rig.gateway.endpoints.map(({ address, port }) => `${address}:${port}`)
  const http = `127.0.0.1:${rig.gateway.httpEndpoint!.port}`
  const wrong = [
    `doh ${listeners[1]} CERTIFICATE_NAME tablet-1.phones.example`,
    `doh ${listeners[3]} CERTIFICATE_EXPIRED `,
    `https ${http} CERTIFICATE_EXPIRED `
  ].sort()
  const found = async (): Promise<string[]> =>
    (await probeOf(rig)).certificates
      .map(({ listener, code, name }) => `${listener} ${code} ${name}`)
      .filter(text => !text.includes('UNTRUSTED'))
      .sort()
  await eventually('the certificates', async () => (await found()).length === wrong.length)
  t.strictSame(await found(), wrong)
  const { identities, health } = withHealth(await rig.gateway.status())
  t.match(identities, { known: 0, unknown: 0, missing: 0, refused: 0 }, 'it counts as no client')
  const codes = health.problems.map(({ code }) => code)
  t.ok(codes.includes('CERTIFICATE_NAME') && codes.includes('CERTIFICATE_EXPIRED'))
  await eventually('the journal', () => {
    const folder = rig.site.path('state/probe')
    const [file] = existsSync(folder) ? readdirSync(folder) : []
    return (
      file !== undefined && readFileSync(`${folder}/${file}`, 'utf8').includes('"certificates":[')
    )
  })
})

t.test('settings turn it on and off, and its thread is restarted', async t => {
  const off = { ...setting, more: '', listen: ['127.0.0.1:0'], reloads: true }
  const rig = await serving(t, off)
  t.equal((await rig.gateway.status()).probe, null)
  const change = (more: string): void =>
    rig.site.write('interdict.yaml', settingsText({ ...off, more }))
  change('probe: { enabled: true, every: 1s }')
  await eventually('the probe', async () => (await rig.gateway.status()).probe !== null)
  await goodRounds(rig, 1)
  await rig.threads.kill('probe')
  await rig.log.says('probe thread died')
  await eventually('a new thread', () => rig.threads.of('probe').length === 1)
  await goodRounds(rig, 1)
  change('probe: { enabled: true, every: 2s, names-per-ban: 1 }')
  await eventually('other settings', async () => (await probeOf(rig)).everySeconds === 2)
  change('')
  await eventually('no probe', async () => (await rig.gateway.status()).probe === null)
  await eventually('no thread', () => rig.threads.of('probe').length === 0)
})
