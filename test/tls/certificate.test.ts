import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadCertificate, validityOf } from '../../src/wire/tls/certificate.js'
import { makeCertificate, type TestCertificate } from './certificates.js'

const position = { file: 'interdict.yaml', line: 3, column: 5 }
const NOW = Date.now()
const DAY = 86_400_000
const folder = t.testdir()
let files = 0

function write(content: string): string {
  const path = join(folder, `${++files}.pem`)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

const load = (certificate: string, key: string, now = NOW) =>
  loadCertificate({ certificate: write(certificate), key: write(key), position }, now)

const one = makeCertificate({ names: ['dns.example', '*.Dns.example', '192.0.2.1'] })
const root = makeCertificate({ subject: 'root' })
const middle = makeCertificate({ subject: 'middle', issuer: root })
const leaf = makeCertificate({ names: ['leaf.example'], issuer: middle })
const pems = (...chain: readonly TestCertificate[]) => chain.map(it => it.certificate).join('')

t.test('describes a certificate', async t => {
  const { certificate, errors, warnings } = await load(one.certificate, one.key)
  t.strictSame([errors, warnings], [[], []])
  t.strictSame(certificate?.names, ['dns.example', '*.dns.example', '192.0.2.1'])
  t.match(certificate?.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  t.equal(Math.round((certificate!.notAfter - NOW) / DAY), 365)
  t.ok(certificate!.notBefore < NOW)
})

t.test('takes a chain in order, both from one file, and RSA', async t => {
  const { certificate, errors } = await load(pems(leaf, middle, root), leaf.key)
  t.strictSame(errors, [])
  t.strictSame(certificate?.names, ['leaf.example'])
  t.equal(certificate?.chain, pems(leaf, middle, root))
  const both = write(`${one.key}text between\n${one.certificate}`)
  t.ok((await loadCertificate({ certificate: both, key: both, position }, NOW)).certificate)
  const rsa = makeCertificate({ type: 'rsa', names: [] })
  t.strictSame((await load(rsa.certificate, rsa.key)).certificate?.names, [])
})

const encrypted = one.privateKey.export({
  ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' }
}) as string
const truncated = one.certificate.replace(/\n.{20}/, '\n')

const invalid: readonly (readonly [it: string, cert: string, key: string, code: string, RegExp])[] =
  [
    ['no PEM', 'x', one.key, 'CERTIFICATE_INVALID', /no certificate in PEM/],
    ['a damaged certificate', truncated, one.key, 'CERTIFICATE_INVALID', /certificate 1: /],
    [
      'a gap in the chain',
      pems(leaf, root),
      leaf.key,
      'CERTIFICATE_INVALID',
      /certificate 2 is not the/
    ],
    [
      'issuers in the wrong order',
      pems(leaf, root, middle),
      leaf.key,
      'CERTIFICATE_INVALID',
      /write the/
    ],
    ['no key', one.certificate, 'x', 'CERTIFICATE_KEY', /private key .*pem is unusable/],
    ['an encrypted key', one.certificate, encrypted, 'CERTIFICATE_KEY', /it is encrypted/],
    ['another key', one.certificate, leaf.key, 'CERTIFICATE_KEY', /belong to .*\(no match\)/],
    ['the key of an issuer', pems(leaf, middle), middle.key, 'CERTIFICATE_KEY', /certificate 2 in/]
  ]

for (const [it, certificate, key, code, message] of invalid) {
  t.test(`rejects ${it}`, async t => {
    const { certificate: none, errors } = await load(certificate, key)
    t.equal(none, undefined)
    t.match(errors, [{ code, message, position }])
    t.match(errors[0]?.message, /^interdict.yaml:3:5: /)
    t.notMatch(errors[0]?.message, /PRIVATE/)
  })
}

t.test('rejects what OpenSSL does not serve', async t => {
  const small = makeCertificate({ type: 'rsa', bits: 512 })
  t.match((await load(small.certificate, small.key)).errors, [
    { code: 'CERTIFICATE_INVALID', message: /small/ }
  ])
})

t.test('says which file is missing', async t => {
  const missing = join(folder, 'none.pem')
  const good = write(one.certificate)
  for (const [certificate, key] of [
    [missing, good],
    [good, missing],
    [folder, good]
  ] as const) {
    const { errors } = await loadCertificate({ certificate, key, position }, NOW)
    t.match(errors, [
      { code: 'CERTIFICATE_UNREADABLE', message: certificate === good ? key : certificate }
    ])
  }
})

t.test('warns of an expired certificate, and serves it', async t => {
  const { certificate, errors, warnings } = await load(one.certificate, one.key, NOW + 366 * DAY)
  t.ok(certificate)
  t.strictSame(errors, [])
  t.match(warnings, [{ code: 'CERTIFICATE_VALIDITY', message: /expired at \d{4}-\d\d-\d\dT.*Z$/ }])
})

t.test('says what is wrong with a validity period', async t => {
  const period = { notBefore: 0, notAfter: 100 * DAY }
  t.equal(validityOf(period, 50 * DAY), undefined)
  t.strictSame(validityOf(period, -1), ['is not valid before', '1970-01-01T00:00:00Z'])
  t.strictSame(validityOf(period, 90 * DAY), ['expires at', '1970-04-11T00:00:00Z'])
  t.strictSame(validityOf(period, 101 * DAY), ['expired at', '1970-04-11T00:00:00Z'])
})

t.test('warns of a key that every user may read', async t => {
  const [certificate, key] = [write(one.certificate), write(one.key)]
  chmodSync(key, 0o644)
  const { warnings } = await loadCertificate({ certificate, key, position }, NOW)
  t.match(warnings, [{ code: 'KEY_FILE_MODE', message: /chmod o-rwx/ }])
})
