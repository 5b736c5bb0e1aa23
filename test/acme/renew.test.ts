import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { interdict, writeSite, type Ran } from '../cli/run.js'
import { failure } from '../../src/base/errors/error.js'
import { FolderLock } from '../../src/lookups/files/folder-lock.js'
import { makeCertificate } from '../tls/certificates.js'
import { freePort } from '../udp/free-port.js'
import { AcmeServer, type Faults } from './acme-server.js'

const DAY = 86_400_000
const LISTEN = `listen: [{ address: '192.0.2.1:853', protocol: dot, certificate: dns.pem, key: dns.key }]
discovery: { name: dns.example }
`

interface Rig {
  readonly server: AcmeServer
  readonly renew: (...words: string[]) => Promise<Ran>
  readonly path: (name: string) => string
  /** Writes the settings. @param acme besides the directory */
  readonly settings: (acme: string, others?: string) => void
  readonly certificate: () => X509Certificate
}

/** Settings for a server in this process. */
async function rig(t: Test, acme = '', others = LISTEN): Promise<Rig> {
  const server = await AcmeServer.start(t)
  const config = writeSite(t, { 'ca.pem': server.ca.certificate })
  const path = (name: string): string => join(config, '..', name)
  const settings = (acme: string, others = LISTEN): void => {
    const ca = acme.includes('ca-file') ? '' : ', ca-file: ca.pem'
    const listen = acme.includes('http-listen') ? '' : ", http-listen: '127.0.0.1:0'"
    writeFileSync(
      config,
      `${others}state: { folder: state }\nacme: { directory: '${server.directory}'${ca}${listen}${acme} }\n`
    )
  }
  settings(acme, others)
  return {
    ...{ server, path, settings },
    renew: (...words) => interdict('certificate', 'renew', ...words, '-c', config),
    certificate: () => new X509Certificate(readFileSync(path('dns.pem')))
  }
}

/** Certificates that begin 20 days ago. */
const present = (days: number, names = ['dns.example']) =>
  makeCertificate({
    names,
    notBefore: new Date(Date.now() - 20 * DAY),
    notAfter: new Date(Date.now() + days * DAY)
  })

t.test('gets a certificate by http-01, and only when one is due', async t => {
  const port = await freePort()
  const { server, renew, certificate, path } = await rig(
    t,
    `, contact: [ops@example.org], accept-terms: true, http-listen: '127.0.0.1:${port}', names: [dns.example, 192.0.2.1]`
  )
  server.httpPort = port
  server.faults = { hasTerms: true }
  t.match(await renew('--dry-run'), { code: 0, out: /would be renewed \(.*cannot read/ })
  t.notOk(existsSync(path('state')), 'a dry run writes no account key')
  t.match(await renew(), { code: 0, out: /dns\.pem: renewed \(/, err: '' })
  t.equal(certificate().subjectAltName, 'DNS:dns.example, IP Address:192.0.2.1')
  t.strictSame(server.received.get('/account'), {
    termsOfServiceAgreed: true,
    contact: ['mailto:ops@example.org']
  })
  t.strictSame(server.received.get('/order')?.identifiers, [
    { type: 'dns', value: 'dns.example' },
    { type: 'ip', value: '192.0.2.1' }
  ])
  const { serialNumber } = certificate()
  t.match(await renew(), { code: 0, out: /not due \(valid until .*, to be renewed from / })
  t.equal(certificate().serialNumber, serialNumber)
  t.match(await renew('--force', '--dry-run'), { out: /would be renewed \(--force\)/ })
  t.match(JSON.parse((await renew('--force', '--json')).out), {
    certificate: path('dns.pem'),
    names: ['dns.example', '192.0.2.1'],
    ...{ due: true, reason: /^valid/, renewed: true, notAfter: String, renewalFrom: String }
  })
  t.not(certificate().serialNumber, serialNumber)
})

t.test('one at a time', async t => {
  const { server, renew, path } = await rig(t)
  server.faults = { isAuthorized: true }
  const lock = new FolderLock({
    folder: path('state/acme'),
    lockedError: () => failure('ACME_OFF')
  })
  await lock.acquire()
  t.match(await renew(), { code: 1, out: '', err: /\(process \d+\) \(ACME_BUSY\)\n$/ })
  t.equal(server.received.size, 0, 'nothing was ordered')
  t.match(await renew('--dry-run'), { code: 0 }, 'which writes nothing')
  lock.release()
  t.match(await renew(), { code: 0, out: /renewed/ })
  t.notOk(existsSync(path('state/acme/interdict.lock')), 'it is released')
})

t.test('is due in the last third, without a name, and without a usable certificate', async t => {
  const { server, renew, path } = await rig(t)
  server.faults = { isAuthorized: true }
  const cases = [
    [present(11), /not due/],
    [present(9), /renewed \(it expires at /],
    [present(99, ['other.example']), /renewed \(it does not cover dns\.example\)/],
    [{ ...present(99), key: present(99).key }, /renewed \(.* does not belong to certificate/]
  ] as const
  for (const [{ certificate, key }, expected] of cases) {
    writeFileSync(path('dns.pem'), certificate)
    writeFileSync(path('dns.key'), key)
    t.match((await renew()).out, expected)
  }
})

t.test('is due when the server says so (RFC 9773)', async t => {
  const { server, renew, path } = await rig(t)
  // The example of RFC 9773 §4.1 has this key; serial numbers of tests have three octets.
  const authorityKey = Buffer.from('aYhba4dGQEHhs3uEe6CuLN4ByNQ', 'base64url')
  const days = (from: number, to: number) => {
    const [start, end] = [from, to].map(day => new Date(Date.now() + day * DAY).toISOString())
    return { start: start!, end: end! }
  }
  const { certificate, key, serial } = makeCertificate({ authorityKey })
  writeFileSync(path('dns.pem'), certificate)
  writeFileSync(path('dns.key'), key)
  const id = `aYhba4dGQEHhs3uEe6CuLN4ByNQ.${Buffer.of(1, serial >> 8, serial & 255).toString('base64url')}`
  const due = async (
    window: Faults['window'],
    expected: RegExp,
    more: Faults = {}
  ): Promise<void> => {
    server.faults = { isAuthorized: true, ...(window && { window }), ...more }
    t.match((await renew('--dry-run')).out, expected)
  }
  await due(undefined, /not due/)
  await due(days(30, 31), /not due/)
  await due(days(-2, -3), /not due/)
  await due({ start: 'x', end: 'y' }, /not due/)
  await due(days(-2, -1), /not due/, { closeAt: `/renewal/${id}` })
  await due(days(-2, -1), /would be renewed \(the ACME server asks for it\)/)
  await due(days(0.1, 0.2), /would be renewed/)
  t.strictSame(new Set(server.asked), new Set([id]))

  server.faults = { isAuthorized: true, window: days(-2, -1), refusesReplacing: true }
  t.match(await renew(), { code: 0, out: /renewed \(the ACME server asks for it\)/ })
  t.strictSame(server.replaced, [id, undefined], 'without the id if the server refuses it')
  t.match((await renew()).out, /not due/, 'the new certificate has no key identifier')
})

t.test('leaves the files as they are when it fails', async t => {
  const { server, renew, path, settings } = await rig(t)
  const { certificate, key } = present(9)
  writeFileSync(path('dns.pem'), certificate)
  writeFileSync(path('dns.key'), key)
  const before = [certificate, key]
  const failing = async (expected: RegExp): Promise<void> => {
    const { code, err } = await renew()
    t.equal(code, 1)
    t.match(err, expected)
    const now = ['dns.pem', 'dns.key'].map(name => readFileSync(path(name), 'utf8'))
    t.strictSame(now, before)
  }
  const limited = { status: 429, detail: 'too many certificates already issued' }
  for (const path of ['/account', '/order', '/finalize']) {
    server.faults = { problem: { path, ...limited } }
    await failing(/did not issue a certificate: too many certificates.*\(ACME_SERVER\)\n$/)
  }
  server.faults = { closeAt: '/order' }
  await failing(/did not issue a certificate: connection reset by peer \(ACME_SERVER\)/)
  server.faults = { isForeign: true }
  await failing(/belongs to another key \(ACME_SERVER\)/)
  server.faults = { problem: { path: '/challenge/0', status: 400, detail: 'no such challenge' } }
  await failing(/control over dns\.example: no such challenge \(ACME_CHALLENGE\)/)
  server.faults = { types: ['dns-01'] }
  await failing(/does not offer http-01 for it \(ACME_CHALLENGE\)/)
  server.faults = { hasTerms: true }
  await failing(/read https:\/\/acme\.example\/terms, then set acme\.accept-terms \(ACME_TERMS\)/)
  server.faults = {}
  const busy = createServer().listen(0, '127.0.0.1')
  t.teardown(() => busy.close())
  await once(busy, 'listening')
  const { port } = busy.address() as AddressInfo
  settings(`, http-listen: '127.0.0.1:${port}'`)
  await failing(/cannot listen on 127\.0\.0\.1:\d+ .*: address already in use \(ACME_LISTEN\)/)
  settings(', challenge: dns-01, dns-hook: hook')
  await failing(
    /hook present _acme-challenge\.dns\.example\. \S+ failed: no such file or folder \(ACME_HOOK\)/
  )
  settings(', ca-file: none.pem')
  await failing(/cannot read .*none\.pem.* \(ACME_FILE\)/)
})

t.test('dns-01: a program writes the record and removes it', async t => {
  const { server, renew, path, settings, certificate } = await rig(t)
  settings(', challenge: dns-01, dns-hook: hook, dns-wait: 1ms')
  const script = `#!/bin/sh\necho "$1 $2 $#" >> '${path('calls')}'\n[ "$1" = present ]\n`
  writeFileSync(path('hook'), script, { mode: 0o700 })
  t.match(await renew(), { code: 0 })
  t.equal(certificate().subjectAltName, 'DNS:dns.example')
  const name = '_acme-challenge.dns.example.'
  t.equal(readFileSync(path('calls'), 'utf8'), `present ${name} 3\ncleanup ${name} 3\n`)
  writeFileSync(path('hook'), '#!/bin/sh\nexec >&2; echo "zone is locked"; exit 1\n')
  server.faults = {}
  t.match(await renew('--force'), { code: 1, err: /failed: zone is locked \(ACME_HOOK\)/ })
})

t.test('an account that somebody else has opened', async t => {
  const { server, renew, path, settings } = await rig(t)
  settings(', external-account: { id: k1, key-file: eab }')
  writeFileSync(path('eab'), `${Buffer.from('secret').toString('base64url')}\n`)
  t.match(await renew(), { code: 0 })
  t.match(server.received.get('/account'), { externalAccountBinding: { protected: String } })
})

t.test('says what is missing in the settings', async t => {
  const { renew, path, settings } = await rig(t)
  const cases = [
    ['', 'listen: [192.0.2.1:53]\n', 'ACME_FILES', /no listener has a certificate/],
    [
      '',
      `listen:
  - { address: '192.0.2.1:853', protocol: dot, certificate: a.pem, key: a.key }
  - { address: '192.0.2.2:853', protocol: dot, certificate: b.pem, key: b.key }
`,
      'ACME_FILES',
      /have 2 different certificates/
    ],
    ['', LISTEN.split('discovery')[0]!, 'ACME_NAMES', /interdict\.yaml:3:20: no names/],
    [', certificate: ca.pem/x, key: ca.pem/y', LISTEN, 'ACME_WRITE', /not a folder/],
    [', account-key: ca.pem/key', LISTEN, 'ACME_WRITE', /not a folder/]
  ] as const
  for (const [acme, others, code, expected] of cases) {
    settings(acme, others)
    const { code: exit, err } = await renew()
    t.equal(exit, 1)
    t.match(err, expected)
    t.match(err, `(${code})`)
  }
  writeFileSync(path('interdict.yaml'), LISTEN)
  t.match(await renew(), { code: 1, err: /set acme\.directory .*\(ACME_OFF\)/ })
})
