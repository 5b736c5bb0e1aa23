import { createHash, X509Certificate } from 'node:crypto'
import type { Milliseconds } from '../../base/units.js'
import { derSequence, derValue } from './der-values.js'
import { DerError, DerReader, oidText, TAG } from './der.js'
import { readSignedData, type SignedData } from './signed-data.js'

/** SHA-256 with absent parameters as NULL, as most authorities expect: RFC 5754 §2. */
const SHA256_ALGORITHM = Buffer.from('300d06096086480165030402010500', 'hex')
const SHA256_OID = '2.16.840.1.101.3.4.2.1'
/** id-ct-TSTInfo: RFC 3161 §2.4.2. */
const TST_INFO = '1.2.840.113549.1.9.16.1.4'
/** id-kp-timeStamping: RFC 3161 §2.3. */
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8'
/** granted, and granted with modifications: RFC 3161 §2.4.2. */
const GRANTED = [0, 1]
const MAX_DEPTH = 8

/** The statement of a time-stamping authority that a digest existed at a time. */
export interface TimeStamp {
  /** SHA-256 in hexadecimal. */
  readonly sha256: string
  readonly time: Milliseconds
  /** Hexadecimal; undefined: none. */
  readonly nonce: string | undefined
}

/**
 * A request for a time stamp: RFC 3161 §2.4.1. It asks for the certificate, so that the response can be verified later.
 *
 * @param nonce 16 octets; the response repeats them
 */
export function timeStampRequest(sha256: string, nonce: Buffer): Buffer {
  const imprint = derSequence(
    SHA256_ALGORITHM,
    derValue(TAG.octetString, Buffer.from(sha256, 'hex'))
  )
  // Positive, and minimal: X.690 §8.3.
  const number = Buffer.concat([Buffer.of(1), nonce])
  return derSequence(
    derValue(TAG.integer, Buffer.of(1)),
    imprint,
    derValue(TAG.integer, number),
    derValue(TAG.boolean, Buffer.of(0xff))
  )
}

/** The nonce of such a request, in the form in which a response has it. */
export const nonceText = (nonce: Buffer): string => `01${nonce.toString('hex')}`

/** Reads a TimeStampResp without verifying its signature. @throws DerError */
export function readTimeStamp(response: Uint8Array): TimeStamp {
  return readTstInfo(signedDataOf(response).content)
}

/**
 * Verifies a TimeStampResp: RFC 3161 §2.2. Revocation is not checked.
 *
 * @param authorities certificates of the authority or of its issuers
 * @throws DerError
 */
export function verifyTimeStamp(
  response: Uint8Array,
  authorities: readonly X509Certificate[]
): TimeStamp {
  const data = signedDataOf(response)
  const stamp = readTstInfo(data.content)
  const certificates = [...data.certificates.map(der => new X509Certificate(der)), ...authorities]
  const signer = certificates.find(({ raw }) => isNamed(raw, data))
  if (signer === undefined) throw new DerError('the certificate of the signer is missing')
  if (!data.isSignedBy(signer.publicKey)) throw new DerError('its signature is invalid')
  const usage = signer.keyUsage as readonly string[] | undefined
  if (usage?.length !== 1 || usage[0] !== TIME_STAMPING)
    throw new DerError('its certificate is not one for time stamping')
  if (!isTrusted(signer, certificates, authorities, stamp.time))
    throw new DerError('its certificate was not issued by an authority that is trusted')
  return stamp
}

/** Certificates of a PEM file. @throws Error if one cannot be parsed, or there is none */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new Error('it holds no certificate in PEM')
  return blocks.map(block => new X509Certificate(block))
}

/** True if the signed attributes name a certificate by its digest: RFC 5816 §2.2. */
function isNamed(raw: Uint8Array, { signingCertificate: named }: SignedData): boolean {
  return createHash(named.algorithm).update(raw).digest().equals(named.digest)
}

function isTrusted(
  signer: X509Certificate,
  all: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  at: Milliseconds
): boolean {
  let current = signer
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const { validFrom, validTo } = current
    if (at < Date.parse(validFrom) || at > Date.parse(validTo)) return false
    if (authorities.some(({ fingerprint256: one }) => one === current.fingerprint256)) return true
    const issued = current
    const issuer = all.find(
      one => one.ca && issued.checkIssued(one) && issued.verify(one.publicKey)
    )
    if (issuer === undefined || issuer.fingerprint256 === current.fingerprint256) return false
    current = issuer
  }
  return false
}

function signedDataOf(response: Uint8Array): SignedData {
  const outer = new DerReader(response).enter()
  const status = outer.enter().read(TAG.integer).at(-1)!
  if (!GRANTED.includes(status)) throw new DerError(`the authority refused it: status ${status}`)
  const data = readSignedData(outer.whole(TAG.sequence))
  if (data.contentType !== TST_INFO) throw new DerError('it is not a time stamp')
  return data
}

/** TSTInfo: RFC 3161 §2.4.2. */
function readTstInfo(octets: Uint8Array): TimeStamp {
  const info = new DerReader(octets).enter()
  info.next(TAG.integer).next(TAG.oid)
  const imprint = info.enter()
  const algorithm = oidText(imprint.enter().read(TAG.oid))
  if (algorithm !== SHA256_OID) throw new DerError(`it has a digest of ${algorithm}, not SHA-256`)
  const sha256 = Buffer.from(imprint.read(TAG.octetString)).toString('hex')
  info.next(TAG.integer)
  const time = readTime(info.read(TAG.generalizedTime))
  let nonce: string | undefined
  while (info.hasMore) {
    info.next()
    if (info.tag === TAG.integer)
      nonce = Buffer.from(info.octets.subarray(info.start, info.end)).toString('hex')
  }
  return { sha256, time, nonce }
}

/** GeneralizedTime with an optional fraction of a second. */
function readTime(octets: Uint8Array): Milliseconds {
  const text = Buffer.from(octets).toString('latin1')
  const iso = text.replace(
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z$/,
    '$1-$2-$3T$4:$5:$6$7Z'
  )
  const time = Date.parse(iso)
  if (Number.isNaN(time)) throw new DerError(`invalid time ${JSON.stringify(text)}`)
  return time
}
