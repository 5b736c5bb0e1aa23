import { createHash, X509Certificate } from 'node:crypto'
import type { Milliseconds } from '../../base/units.js'

/** extendedKeyUsage id-kp-clientAuth and anyExtendedKeyUsage: RFC 5280 §4.2.1.12. */
const FOR_CLIENTS: readonly string[] = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']

/** What a client's certificate says, once its issuer is verified. Plain data. */
export interface CertificateFacts {
  /** SHA-256 fingerprint of the issuing certificate; undefined: `problem` */
  readonly issuer: string | undefined
  /** Why it identifies nobody, for the log. */
  readonly problem: string | undefined
  /** In capital hexadecimal digits. */
  readonly serial: string
  /** `CN=phone-17,O=Agency`, in the order of the certificate. */
  readonly subject: string
  /** The subject alternative names. DNS names are in lower case. RFC 5280 §4.2.1.6. */
  readonly uris: readonly string[]
  readonly names: readonly string[]
  /** Wall-clock time. */
  readonly notAfter: Milliseconds
}

/** Certificates that are remembered, of about 1 kB each: as many as a large site has devices. */
const REMEMBERED = 10_000

/** What was read from a certificate, and when that stays true. */
interface ParsedCertificate {
  readonly facts: CertificateFacts
  readonly from: Milliseconds
  readonly until: Milliseconds
}

/**
 * Reads certificates of clients. Devices connect again and again, and to parse a certificate and verify the signature of its
 * issuer takes longer than a handshake: what was read from a good one is remembered.
 */
export class ClientCertificates {
  /** By subject in the form of `X509Certificate.subject`. */
  private readonly issuers = new Map<string, X509Certificate[]>()
  /** By SHA-256 of the certificate. */
  private readonly remembered = new Map<string, ParsedCertificate>()

  /** @param authorities certificates in PEM that may have issued certificates of clients */
  constructor(
    authorities: readonly string[],
    private readonly capacity = REMEMBERED
  ) {
    for (const pem of authorities) {
      const certificate = new X509Certificate(pem)
      const { subject } = certificate
      this.issuers.set(subject, [...(this.issuers.get(subject) ?? []), certificate])
    }
  }

  /** @param der of a client that has proved to have its key @param now wall-clock time */
  read(der: Uint8Array, now: Milliseconds): CertificateFacts {
    const digest = createHash('sha256').update(der).digest('base64')
    const known = this.remembered.get(digest)
    if (known !== undefined && known.from <= now && now <= known.until) return known.facts
    const parsed = this.parse(new X509Certificate(der), now)
    if (parsed.facts.problem === undefined) {
      const [oldest = digest] = this.remembered.keys()
      if (this.remembered.size === this.capacity) this.remembered.delete(oldest)
      this.remembered.set(digest, parsed)
    }
    return parsed.facts
  }

  private parse(certificate: X509Certificate, now: Milliseconds): ParsedCertificate {
    const { serialNumber: serial, subject, subjectAltName = '', validFrom, validTo } = certificate
    const [from, notAfter] = [Date.parse(validFrom), Date.parse(validTo)]
    const alternatives = subjectAlternatives(subjectAltName)
    const of = (type: string): string[] =>
      alternatives.filter(one => one.type === type).map(({ value }) => value)
    const candidates = this.issuers.get(certificate.issuer) ?? []
    const issuer = candidates.find(
      one => certificate.checkIssued(one) && certificate.verify(one.publicKey)
    )
    const problem = problemOf(certificate, issuer, from, notAfter, now)
    const facts = {
      issuer: problem === undefined ? issuer?.fingerprint256 : undefined,
      problem,
      serial,
      subject: subjectText(subject),
      uris: of('URI'),
      names: of('DNS').map(name => name.toLowerCase()),
      notAfter
    }
    return { facts, from, until: Math.min(notAfter, Date.parse(issuer?.validTo ?? validTo)) }
  }
}

/** The subject on one line, as `client-certificate` rules write it. */
function subjectText(subject: string): string {
  return subject.split('\n').join(',')
}

function problemOf(
  { ca, keyUsage }: X509Certificate,
  issuer: X509Certificate | undefined,
  notBefore: Milliseconds,
  notAfter: Milliseconds,
  now: Milliseconds
): string | undefined {
  if (issuer === undefined) return 'no authority of the rules has issued it'
  if (now < notBefore) return 'it is not valid yet'
  if (now > notAfter) return 'it has expired'
  if (now > Date.parse(issuer.validTo)) return 'the certificate of its issuer has expired'
  if (ca) return 'it is the certificate of an authority'
  // The types of Node say that it is always there.
  const usage = keyUsage as readonly string[] | undefined
  if (usage?.some(one => FOR_CLIENTS.includes(one)) === false) return 'it is not for clients'
  return undefined
}

/**
 * Reads what OpenSSL prints: `DNS:a.example, URI:urn:x`, where Node writes values with other characters
 * as JSON strings, so that none can look like two.
 */
export function subjectAlternatives(text: string): { type: string; value: string }[] {
  const found: { type: string; value: string }[] = []
  const item = /([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y
  while (item.lastIndex < text.length) {
    const match = item.exec(text)
    if (match === null) return []
    const [, type = '', value = ''] = match
    found.push({ type, value: value.startsWith('"') ? (JSON.parse(value) as string) : value })
  }
  return found
}
