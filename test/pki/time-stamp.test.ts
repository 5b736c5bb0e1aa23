import { randomBytes } from 'node:crypto'
import t from 'tap'
import {
  nonceText,
  readCertificates,
  readTimeStamp,
  timeStampRequest,
  verifyTimeStamp
} from '../../src/wire/pki/time-stamp.js'
import { makeCertificate } from '../tls/certificates.js'
import { makeAuthority, makeTimeStamp } from './time-stamps.js'

const SHA256 = 'ab'.repeat(32)
const authority = makeAuthority()
const trusted = readCertificates(authority.ca)

t.test('a request has the digest, a nonce, and asks for the certificate', async t => {
  const nonce = randomBytes(16)
  const request = timeStampRequest(SHA256, nonce).toString('hex')
  t.match(request, new RegExp(`0420${SHA256}0211${nonceText(nonce)}0101ff$`))
})

t.test('a time stamp is verified up to a trusted certificate', async t => {
  const time = new Date('2026-11-30T10:00:00Z')
  const stamp = makeTimeStamp(makeAuthority(), SHA256, { time, nonce: '0102' })
  t.strictSame(readTimeStamp(stamp), { sha256: SHA256, time: time.getTime(), nonce: '0102' })
  t.match(verifyTimeStamp(makeTimeStamp(authority, SHA256), trusted), { sha256: SHA256 })
  const own = readCertificates(authority.signer.certificate)
  t.match(verifyTimeStamp(makeTimeStamp(authority, SHA256), own), { sha256: SHA256 }, 'pinned')
})

const DAY = 86_400_000
const other = makeAuthority({ usage: ['clientAuth'] })
const refusals: readonly (readonly [it: string, stamp: Buffer, ca: string, why: RegExp])[] = [
  ['another authority', makeTimeStamp(makeAuthority(), SHA256), authority.ca, /not issued by/],
  [
    'a key of somebody else',
    makeTimeStamp(authority, SHA256, { forger: makeCertificate() }),
    authority.ca,
    /signature is invalid/
  ],
  [
    'another certificate than its attributes name',
    makeTimeStamp(authority, SHA256, { named: Buffer.alloc(32) }),
    authority.ca,
    /signer is missing/
  ],
  [
    'a certificate for clients',
    makeTimeStamp(other, SHA256),
    other.ca,
    /not one for time stamping/
  ],
  [
    'a time after the certificate',
    makeTimeStamp(authority, SHA256, { time: new Date(Date.now() + 500 * DAY) }),
    authority.ca,
    /not issued by/
  ],
  ['a refusal', makeTimeStamp(authority, SHA256, { status: 2 }), authority.ca, /status 2/]
]

for (const [it, stamp, ca, why] of refusals)
  t.throws(() => verifyTimeStamp(stamp, readCertificates(ca)), why, it)

t.test('whatever octet is changed, it is never the stamp of another digest or time', async t => {
  const stamp = makeTimeStamp(authority, SHA256)
  const before = JSON.stringify(verifyTimeStamp(stamp, trusted))
  const outcomes = [...stamp.keys()].map(at => {
    const changed = Buffer.from(stamp)
    changed[at]! ^= 1
    try {
      return JSON.stringify(verifyTimeStamp(changed, trusted))
    } catch {
      return 'refused'
    }
  })
  t.strictSame([...new Set(outcomes)].sort(), ['refused', before].sort())
  t.ok(outcomes.filter(one => one === 'refused').length > stamp.length / 2)
})
