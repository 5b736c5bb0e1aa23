import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { ClientCertificates, subjectAlternatives } from '../../src/wire/pki/client-certificate.js'
import { makeCertificate, type CertificateTerms } from '../tls/certificates.js'

const DAY = 86_400_000
const NOW = Date.now()
const authority = makeCertificate({ subject: 'MDM', names: [] })
/** Another key under the same name. */
const namesake = makeCertificate({ subject: 'MDM', names: [] })
const expired = makeCertificate({ subject: 'old', names: [], notAfter: new Date(NOW - DAY) })
const x509 = ({ certificate }: { certificate: string }) => new X509Certificate(certificate)
const AUTHORITIES = [namesake, authority, expired].map(({ certificate }) => certificate)
const certificates = new ClientCertificates(AUTHORITIES)
const read = (terms: CertificateTerms) =>
  certificates.read(
    x509(makeCertificate({ isAuthority: false, issuer: authority, names: [], ...terms })).raw,
    NOW
  )

t.test('says what a certificate says, once its issuer has signed it', async t => {
  const facts = read({
    subject: 'phone 17',
    names: ['PC-1.Corp.example'],
    uris: ['urn:a', 'urn:b,c'],
    usage: ['clientAuth']
  })
  t.match(facts, {
    issuer: x509(authority).fingerprint256,
    problem: undefined,
    subject: 'CN=phone 17',
    uris: ['urn:a', 'urn:b,c'],
    names: ['pc-1.corp.example']
  })
})

const problems: readonly (readonly [it: string, CertificateTerms, RegExp])[] = [
  ['another authority', { issuer: makeCertificate({ subject: 'x' }) }, /no authority/],
  ['a forged one', { issuer: { ...authority, privateKey: expired.privateKey } }, /no authority/],
  ['one that has expired', { notAfter: new Date(NOW - 1000) }, /it has expired/],
  ['one that is not valid yet', { notBefore: new Date(NOW + DAY) }, /not valid yet/],
  ['one of an expired authority', { issuer: expired }, /of its issuer has expired/],
  ['an authority itself', { isAuthority: true }, /of an authority/],
  ['one for servers', { usage: ['serverAuth'] }, /not for clients/]
]
for (const [it, terms, problem] of problems)
  t.test(`identifies nobody by ${it}`, async t => {
    const facts = read(terms)
    t.equal(facts.issuer, undefined)
    t.match(facts.problem, problem)
  })

t.test('remembers a good certificate while it and that of its issuer are valid', async t => {
  const issuer = makeCertificate({ subject: 'soon', names: [], notAfter: new Date(NOW + 2 * DAY) })
  const terms = { isAuthority: false, issuer, names: [], notBefore: new Date(NOW - DAY) }
  const phone = x509(makeCertificate({ ...terms, notAfter: new Date(NOW + 3 * DAY) })).raw
  const other = x509(makeCertificate(terms)).raw
  const certificates = new ClientCertificates([issuer.certificate], 1)
  const facts = certificates.read(phone, NOW)
  t.equal(certificates.read(phone, NOW + DAY), facts)
  t.not(certificates.read(other, NOW), facts)
  t.not(certificates.read(phone, NOW), facts, 'there is room for one')
  t.match(certificates.read(phone, NOW - 2 * DAY).problem, /not valid yet/)
  t.match(certificates.read(phone, NOW + 2.5 * DAY).problem, /of its issuer has expired/)
  t.equal(new ClientCertificates([]).read(phone, NOW).issuer, undefined, 'for these authorities')
})

t.test('reads alternative names as OpenSSL and Node write them, and nothing else', async t => {
  const cases: [string, string[]][] = [
    ['', []],
    ['DNS:a.example, URI:urn:x', ['DNS a.example', 'URI urn:x']],
    ['URI:"urn:x, DNS:evil.example"', ['URI urn:x, DNS:evil.example']],
    ['IP Address:192.0.2.1, DNS:"a\\"b"', ['IP Address 192.0.2.1', 'DNS a"b']],
    ['DNS:a.example, "', []]
  ]
  for (const [text, found] of cases)
    t.strictSame(
      subjectAlternatives(text).map(({ type, value }) => `${type} ${value}`),
      found,
      text
    )
})
