import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { ListenerChecks, type ListenerReport } from '../../src/gateway/probe/listener-checks.js'
import type { TlsTarget } from '../../src/gateway/probe/tls-targets.js'
import { makeCertificate, type CertificateTerms } from '../tls/certificates.js'

const DAY = 86_400_000
const authority = makeCertificate({ names: [], subject: 'Our CA' })
const issued = (terms: CertificateTerms) =>
  makeCertificate({ isAuthority: false, issuer: authority, ...terms })
const right = issued({ names: ['dns.example', '*.phones.example', '192.0.2.53'] })
const wall = (): number => Date.now()
const checks = (): ListenerChecks => new ListenerChecks({ now: () => performance.now(), wall }, 5)

interface Site {
  readonly target: TlsTarget
  readonly ca: string
  readonly write: (name: string, text: string) => string
}

/** A listener with a certificate, whose file has the same or another one. */
async function open(t: Test, more: TlsOptions = {}, onDisk = right.certificate): Promise<Site> {
  const folder = t.testdir()
  const write = (name: string, text: string): string => {
    writeFileSync(`${folder}/${name}`, text)
    return `${folder}/${name}`
  }
  const server = createServer({ cert: right.certificate, key: right.key, ...more }, socket => {
    socket.on('error', () => undefined)
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const target: TlsTarget = {
    ...{ listener: 'dot 127.0.0.1:853', address: '127.0.0.1', from: undefined },
    port: (server.address() as AddressInfo).port,
    ...{ preamble: undefined, protocols: [], names: ['dns.example'], probeName: undefined },
    files: [write('cert.pem', onDisk)]
  }
  return { target, ca: write('ca.pem', authority.certificate), write }
}

const verify = ({ target, ca }: Site, more: Partial<TlsTarget> = {}): Promise<ListenerReport> =>
  checks().run([{ ...target, ...more }], ca)
const codes = ({ problems }: ListenerReport): string[] =>
  problems.map(({ code, name }) => `${code} ${name}`.trim())

t.test('a certificate that strict clients accept is no problem', async t => {
  const site = await open(t)
  const names = ['dns.example', 'a.phones.example', '192.0.2.53']
  t.strictSame(await verify(site, { names }), { listeners: 1, problems: [] })
})

t.test('a listener that requests client certificates is verified like any other', async t => {
  const site = await open(t, {
    requestCert: true,
    rejectUnauthorized: false,
    ca: right.certificate
  })
  t.strictSame(codes(await verify(site)), [])
})

t.test('each name that clients verify has to be in the certificate', async t => {
  const site = await open(t)
  const names = ['dns.example', 'other.example', 'a.b.phones.example', '192.0.2.54']
  const report = await verify(site, { names })
  t.strictSame(
    codes(report),
    names.slice(1).map(name => `CERTIFICATE_NAME ${name}`)
  )
  t.match(report.problems[0]!.problem, /DNS:dns\.example/)
})

t.test('a common name is not a name', async t => {
  const { certificate: cert, key } = issued({ names: [], subject: 'dns.example' })
  const site = await open(t, { cert, key }, cert)
  t.strictSame(codes(await verify(site)), ['CERTIFICATE_NAME dns.example'])
})

t.test('without the authority of the certificate, clients do not trust it', async t => {
  const site = await open(t)
  const report = await checks().run([site.target], undefined)
  t.strictSame(codes(report), ['CERTIFICATE_UNTRUSTED'])
  t.match(report.problems[0]!.problem, /probe\.ca-file/)
  const missing = await checks().run([site.target], `${site.ca}.missing`)
  t.match(missing.problems[0]!.problem, /probe\.ca-file is unusable: .*no such file/)
})

t.test('an issuer that the listener does not send is missed', async t => {
  const middle = makeCertificate({ names: [], subject: 'Middle', issuer: authority })
  const { certificate, key } = issued({ issuer: middle })
  const site = await open(t, { cert: certificate, key }, certificate)
  t.strictSame(codes(await verify(site)), ['CERTIFICATE_UNTRUSTED'])
  const cert = certificate + middle.certificate
  const whole = await open(t, { cert, key }, cert)
  t.strictSame(codes(await verify(whole)), [])
})

t.test('dates are verified, those of issuers too', async t => {
  const over = { notBefore: new Date(Date.now() - 9 * DAY), notAfter: new Date(Date.now() - DAY) }
  const early = { notBefore: new Date(Date.now() + DAY), notAfter: new Date(Date.now() + 9 * DAY) }
  const middle = makeCertificate({ names: [], subject: 'Middle', issuer: authority, ...over })
  const below = issued({ issuer: middle })
  for (const [{ certificate, key }, chain] of [
    [issued(over), ''],
    [issued(early), ''],
    [below, middle.certificate]
  ] as const) {
    const cert = certificate + chain
    const site = await open(t, { cert, key }, cert)
    t.strictSame(codes(await verify(site)), ['CERTIFICATE_EXPIRED'])
  }
})

t.test('the certificate that is served has to be the one in its file', async t => {
  const renewed = issued({ names: ['dns.example'] })
  const site = await open(t, {}, renewed.certificate)
  t.strictSame(codes(await verify(site)), ['CERTIFICATE_OUTDATED'])
  const files = [...site.target.files, site.write('right.pem', right.certificate)]
  t.strictSame(codes(await verify(site, { files })), [], 'one of several')
  const missing = [`${site.ca}.missing`]
  t.strictSame(
    codes(await verify(site, { files: missing })),
    [],
    'unknown, which is reported elsewhere'
  )
})

t.test('a listener that makes no handshake is a problem', async t => {
  const site = await open(t)
  t.strictSame(codes(await verify(site, { port: 1 })), ['TLS_FAILING'])
  const old = await open(t, { maxVersion: 'TLSv1.2' })
  t.strictSame(codes(await verify(old, { protocols: ['dot'] })), [], 'TLS 1.2')
  const other = await open(t, { ALPNProtocols: ['h2'] })
  t.strictSame(codes(await verify(other, { protocols: ['dot'] })), ['TLS_FAILING'])
})

t.test('a problem has to last, and keeps the time of its beginning', async t => {
  const site = await open(t)
  const all = new ListenerChecks({ now: () => performance.now(), wall }, 50)
  const replaced = [site.write('late.pem', issued({}).certificate)]
  const run = all.run([{ ...site.target, files: replaced }], site.ca)
  site.write('late.pem', right.certificate)
  t.strictSame(codes(await run), [], 'a file was being replaced')
  site.write('late.pem', issued({}).certificate)
  const target = { ...site.target, files: replaced }
  const first = await all.run([target], site.ca)
  const second = await all.run([target], site.ca)
  t.strictSame(codes(second), ['CERTIFICATE_OUTDATED'])
  t.equal(second.problems[0]!.since, first.problems[0]!.since)
  site.write('late.pem', right.certificate)
  t.strictSame(codes(await all.run([target], site.ca)), [], 'repaired')
})
