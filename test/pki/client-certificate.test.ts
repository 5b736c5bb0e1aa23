import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { readClientCertificate, subjectAlternatives } from '../../src/pki/client-certificate.js'
import { makeCertificate, type CertificateTerms } from '../tls/certificates.js'

const DAY = 86_400_000
const NOW = Date.now()
const authority = makeCertificate({ subject: 'MDM', names: [] })
/** Another key under the same name. */
const namesake = makeCertificate({ subject: 'MDM', names: [] })
const expired = makeCertificate({ subject: 'old', names: [], notAfter: new Date(NOW - DAY) })
const x509 = ({ certificate }: { certificate: string }) => new X509Certificate(certificate)
const issuers = new Map([
  [x509(authority).subject, [x509(namesake), x509(authority)]],
  [x509(expired).subject, [x509(expired)]]
])
const read = (terms: CertificateTerms) =>
  readClientCertificate(
    x509(makeCertificate({ isAuthority: false, issuer: authority, names: [], ...terms })),
    issuers,
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
