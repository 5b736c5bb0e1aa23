import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

/*
 * X.509 certificates for tests, written by hand: Node reads certificates but does not make any, and tests
 * need some that are expired, or of another name.
 */

export interface CertificateTerms {
  /** DNS names and IPv4 addresses. */
  readonly names?: readonly string[]
  readonly uris?: readonly string[]
  /** False: basicConstraints does not have cA. */
  readonly isAuthority?: boolean
  /** keyIdentifier of authorityKeyIdentifier. */
  readonly authorityKey?: Buffer
  /** OIDs of extendedKeyUsage. */
  readonly usage?: readonly (keyof typeof OID)[]
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** Who signs it; by default it signs itself. */
  readonly issuer?: TestCertificate
  readonly subject?: string
  readonly type?: 'ec' | 'rsa'
  /** Of an RSA key. */
  readonly bits?: number
  /** SPKI, DER: of somebody else's key, for a certificate with an issuer. */
  readonly publicKey?: Buffer
}

export interface TestCertificate {
  readonly subject: string
  /** PEM. */
  readonly certificate: string
  /** PEM. */
  readonly key: string
  readonly privateKey: KeyObject
  readonly serial: number
}

const DAY = 86_400_000
const OID = {
  commonName: '550403',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  ecdsaWithSha256: '2a8648ce3d040302',
  rsaWithSha256: '2a864886f70d01010b',
  extendedKeyUsage: '551d25',
  authorityKeyIdentifier: '551d23',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
  timeStamping: '2b06010505070308',
  deltaIndicator: '551d1b',
  distributionPoint: '551d1c'
}
let serial = 0

/** A certificate authority and server certificate in one, with a new key. */
export function makeCertificate(terms: CertificateTerms = {}): TestCertificate {
  const {
    names = ['dns.example'],
    notBefore = new Date(Date.now() - DAY),
    notAfter = new Date(Date.now() + 365 * DAY),
    uris = [],
    isAuthority: isOne = true,
    usage = [],
    authorityKey,
    subject = names[0] ?? 'nobody',
    issuer,
    type = 'ec',
    bits = 2048
  } = terms
  const { publicKey, privateKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: bits })
  const signer = issuer?.privateKey ?? privateKey
  const algorithm =
    signer.asymmetricKeyType === 'ec'
      ? sequence(oid(OID.ecdsaWithSha256))
      : sequence(oid(OID.rsaWithSha256), Buffer.of(5, 0))
  const uriNames = uris.map(uri => tlv(0x86, Buffer.from(uri)))
  const alternatives = [...names.map(generalName), ...uriNames]
  const constraint = sequence(...(isOne ? [Buffer.of(1, 1, 0xff)] : []))
  const extensions = [
    extension(OID.basicConstraints, constraint, true),
    ...(alternatives.length === 0
      ? []
      : [extension(OID.subjectAltName, sequence(...alternatives))]),
    ...(authorityKey === undefined
      ? []
      : [extension(OID.authorityKeyIdentifier, sequence(tlv(0x80, authorityKey)))]),
    ...(usage.length === 0
      ? []
      : [
          extension(
            OID.extendedKeyUsage,
            sequence(...usage.map(one => oid(OID[one]))),
            // RFC 3161 §2.3.
            usage.includes('timeStamping')
          )
        ])
  ]
  const number = ++serial
  const body = sequence(
    tlv(0xa0, tlv(2, Buffer.of(2))),
    tlv(2, Buffer.of(1, number >> 8, number & 255)),
    algorithm,
    nameOf(issuer?.subject ?? subject),
    sequence(time(notBefore), time(notAfter)),
    nameOf(subject),
    terms.publicKey ?? publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions))
  )
  const signature = tlv(3, Buffer.of(0), sign('sha256', body, signer))
  return {
    subject,
    certificate: pem('CERTIFICATE', sequence(body, algorithm, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    privateKey,
    serial: number
  }
}

export interface CrlTerms {
  readonly thisUpdate?: Date
  /** Null: it has none. */
  readonly nextUpdate?: Date | null
  /** Of a list that is not complete. */
  readonly partial?: 'deltaIndicator' | 'distributionPoint'
}

/** A certificate revocation list: RFC 5280 §5. @returns PEM */
export function makeCrl(
  issuer: TestCertificate,
  revoked: readonly TestCertificate[],
  terms: CrlTerms = {}
): string {
  const { thisUpdate = new Date(Date.now() - DAY), partial } = terms
  const { nextUpdate = new Date(Date.now() + DAY) } = terms
  const isEc = issuer.privateKey.asymmetricKeyType === 'ec'
  const algorithm = isEc
    ? sequence(oid(OID.ecdsaWithSha256))
    : sequence(oid(OID.rsaWithSha256), Buffer.of(5, 0))
  const entries = revoked.map(({ serial }) =>
    sequence(tlv(2, Buffer.of(1, serial >> 8, serial & 255)), time(thisUpdate))
  )
  const [value, pointTag] = [Buffer.of(2, 1, 1), 0x82]
  const point = sequence(tlv(pointTag, Buffer.of(0xff)))
  const body = sequence(
    tlv(2, Buffer.of(1)),
    algorithm,
    nameOf(issuer.subject),
    time(thisUpdate),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    ...(partial === undefined
      ? []
      : [
          tlv(
            0xa0,
            sequence(extension(OID[partial], partial === 'deltaIndicator' ? value : point, true))
          )
        ])
  )
  const signature = tlv(3, Buffer.of(0), sign('sha256', body, issuer.privateKey))
  return pem('X509 CRL', sequence(body, algorithm, signature))
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [Buffer.of(1, 1, 0xff)] : []), tlv(4, value))
}

/** A Name with a common name alone. RFC 5280 §4.1.2.4. */
function nameOf(common: string): Buffer {
  return sequence(tlv(0x31, sequence(oid(OID.commonName), tlv(0x0c, Buffer.from(common)))))
}

/** RFC 5280 §4.2.1.6. */
function generalName(name: string): Buffer {
  const isAddress = /^[\d.]+$/.test(name)
  return isAddress
    ? tlv(0x87, Buffer.from(name.split('.').map(Number)))
    : tlv(0x82, Buffer.from(name))
}

/** GeneralizedTime. RFC 5280 §4.1.2.5.2. */
export function time(date: Date): Buffer {
  return tlv(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`))
}

export const oid = (hex: string): Buffer => tlv(6, Buffer.from(hex, 'hex'))
export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts)

/** Tag, length, value. X.690 §8.1. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts)
  const { length } = value
  const head =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.of(tag, ...head), value])
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
