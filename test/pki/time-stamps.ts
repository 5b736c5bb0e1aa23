import { createHash, sign, X509Certificate } from 'node:crypto'
import { DerReader, TAG } from '../../src/wire/pki/der.js'
import {
  makeCertificate,
  oid,
  sequence,
  time,
  tlv,
  type TestCertificate
} from '../tls/certificates.js'

/*
 * Time stamps of RFC 3161, encoded without a library: real CMS SignedData, signed with a generated key. `test/interop`
 * compares them with those of `openssl ts`.
 */

const SHA256 = '608648016503040201'
const OID = {
  signedData: '2a864886f70d010702',
  tstInfo: '2a864886f70d0109100104',
  contentType: '2a864886f70d010903',
  messageDigest: '2a864886f70d010904',
  signingCertificateV2: '2a864886f70d010910022f',
  ecdsaWithSha256: '2a8648ce3d040302',
  policy: '2a0304'
}

export interface TestAuthority {
  /** PEM of the certificate that issued the signer's certificate. */
  readonly ca: string
  readonly signer: TestCertificate
}

export interface StampTerms {
  readonly time?: Date
  /** Hexadecimal, as in the request. */
  readonly nonce?: string
  readonly status?: number
  /** Signs instead of the signer whose certificate is sent. */
  readonly forger?: TestCertificate
  /** The digest in the attributes, instead of that of the certificate. */
  readonly named?: Buffer
}

/** An authority with a new key. */
export function makeAuthority(terms: Parameters<typeof makeCertificate>[0] = {}): TestAuthority {
  const { notBefore = new Date(Date.now() - 86_400_000) } = terms
  const root = makeCertificate({ names: [], subject: 'Test TSA CA', notBefore })
  const signer = makeCertificate({
    ...{
      names: [],
      subject: 'Test TSA',
      isAuthority: false,
      usage: ['timeStamping'],
      issuer: root
    },
    ...terms
  })
  return { ca: root.certificate, signer }
}

/** A TimeStampResp. @param sha256 of what it stamps */
export function makeTimeStamp(
  { signer }: TestAuthority,
  sha256: string,
  terms: StampTerms = {}
): Buffer {
  const { time: at = new Date(), nonce, status = 0 } = terms
  const granted = sequence(integer(status))
  if (status > 1) return sequence(granted)
  const { raw } = new X509Certificate(signer.certificate)
  const algorithm = sequence(oid(SHA256))
  const info = sequence(
    integer(1),
    oid(OID.policy),
    sequence(sequence(oid(SHA256), Buffer.of(5, 0)), tlv(4, Buffer.from(sha256, 'hex'))),
    integer(7),
    time(at),
    ...(nonce === undefined ? [] : [tlv(2, Buffer.from(nonce, 'hex'))])
  )
  const named = terms.named ?? createHash('sha256').update(raw).digest()
  const attributes = Buffer.concat([
    attribute(OID.contentType, oid(OID.tstInfo)),
    attribute(OID.messageDigest, tlv(4, createHash('sha256').update(info).digest())),
    attribute(OID.signingCertificateV2, sequence(sequence(sequence(tlv(4, named)))))
  ])
  const { privateKey } = terms.forger ?? signer
  const signature = sign('sha256', tlv(0x31, attributes), privateKey)
  const signerInfo = sequence(
    integer(1),
    issuerAndSerial(raw),
    algorithm,
    tlv(0xa0, attributes),
    sequence(oid(OID.ecdsaWithSha256)),
    tlv(4, signature)
  )
  const data = sequence(
    integer(3),
    tlv(0x31, algorithm),
    sequence(oid(OID.tstInfo), tlv(0xa0, tlv(4, info))),
    tlv(0xa0, raw),
    tlv(0x31, signerInfo)
  )
  return sequence(granted, sequence(oid(OID.signedData), tlv(0xa0, data)))
}

/** RFC 5652 §10.2.4. */
function issuerAndSerial(certificate: Buffer): Buffer {
  const body = new DerReader(certificate).enter().enter()
  body.next()
  const serial = body.whole(TAG.integer)
  body.next()
  return sequence(body.whole(TAG.sequence), serial)
}

const integer = (value: number): Buffer => tlv(2, Buffer.of(value))
const attribute = (id: string, value: Buffer): Buffer => sequence(oid(id), tlv(0x31, value))
