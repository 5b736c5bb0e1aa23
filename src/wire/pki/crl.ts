import { constants, verify, X509Certificate, type KeyObject } from 'node:crypto'
import type { Milliseconds } from '../../base/units.js'
import { DerError, DerReader, oidText, TAG } from './der.js'

/** A certificate revocation list: RFC 5280 §5. */
export interface Crl {
  /** Distinguished name of its issuer in DER. */
  readonly issuer: Uint8Array
  /** Wall-clock time. */
  readonly thisUpdate: Milliseconds
  /** When the next one is due; Infinity: not given. */
  readonly nextUpdate: Milliseconds
  /** Serial numbers as `X509Certificate.serialNumber` has them. */
  readonly serials: readonly string[]
  /** Whether the key of a certificate has signed it. */
  isSignedBy(certificate: X509Certificate): boolean
}

const PEM_CRL = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g

/** RFC 5758, RFC 4055, RFC 8410: algorithm to digest; null: the algorithm has its own. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null
}
/** Critical extensions that change what the list means: RFC 5280 §5.2.4 and §5.2.5. */
const DELTA = '2.5.29.27'
const DISTRIBUTION_POINT = '2.5.29.28'

/** distributionPoint and onlyContainsUserCerts of that extension. */
const COMPLETE_POINT: readonly number[] = [0xa0, 0x81]

/** Context-specific, constructed, 0: the extensions. RFC 5280 §5.1. */
const EXTENSIONS = 0xa0

/**
 * Reads the lists of a file: PEM, one or more, or a single one in DER.
 *
 * @throws DerError for anything else, for delta lists, and for lists of a part of the certificates
 */
export function readCrls(file: Uint8Array): Crl[] {
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1')
  const blocks = [...text.matchAll(PEM_CRL)].map(([, body]) => Buffer.from(body!, 'base64'))
  return (blocks.length > 0 ? blocks : [file]).map(readCrl)
}

/** The subject of a certificate in DER. */
export function subjectOf({ raw }: X509Certificate): Uint8Array {
  const certificate = new DerReader(raw).enter().enter()
  // [0] version, serialNumber, signature, issuer, validity: RFC 5280 §4.1.
  if (certificate.nextTag === EXTENSIONS) certificate.next()
  for (let i = 0; i < 4; i++) certificate.next()
  return certificate.whole(TAG.sequence)
}

function readCrl(octets: Uint8Array): Crl {
  const outer = new DerReader(octets).enter()
  const signed = outer.whole(TAG.sequence)
  const algorithm = oidText(outer.enter().read(TAG.oid))
  // The first octet counts unused bits: X.690 §8.6.2.
  const signature = outer.read(TAG.bitString).subarray(1)
  const list = new DerReader(signed).enter()
  if (list.nextTag === TAG.integer) list.next()
  list.next(TAG.sequence)
  const issuer = list.whole(TAG.sequence)
  const thisUpdate = readTime(list)
  const hasNext = list.nextTag === TAG.utcTime || list.nextTag === TAG.generalizedTime
  const nextUpdate = hasNext ? readTime(list) : Infinity
  const serials = list.nextTag === TAG.sequence ? readSerials(list.enter()) : []
  if (list.nextTag === EXTENSIONS) refusePartial(list.enter(EXTENSIONS).enter())
  const digest = DIGESTS[algorithm]
  if (digest === undefined) throw new DerError(`unknown signature algorithm ${algorithm}`)
  const isSignedBy = ({ publicKey }: X509Certificate): boolean =>
    verifies(digest, signed, publicKey, signature)
  return { issuer, thisUpdate, nextUpdate, serials, isSignedBy }
}

function verifies(
  digest: string | null,
  signed: Uint8Array,
  key: KeyObject,
  signature: Uint8Array
): boolean {
  try {
    const padding = constants.RSA_PKCS1_PADDING
    const isRsa = key.asymmetricKeyType === 'rsa'
    return verify(digest, signed, isRsa ? { key, padding } : key, signature)
  } catch {
    // A key of another kind.
    return false
  }
}

function readSerials(entries: DerReader): string[] {
  const serials: string[] = []
  while (entries.hasMore) {
    const entry = entries.enter()
    serials.push(serialText(entry.read(TAG.integer)))
  }
  return serials
}

/** As OpenSSL prints it: hexadecimal without leading zero octets, in capitals. */
function serialText(octets: Uint8Array): string {
  let from = 0
  while (from < octets.length - 1 && octets[from] === 0) from++
  const text = Buffer.from(octets.subarray(from)).toString('hex').toUpperCase()
  return text === '00' ? '0' : text
}

/** UTCTime has two digits for the year, 50 to 49 from 1950: RFC 5280 §4.1.2.5. */
function readTime(reader: DerReader): Milliseconds {
  const tag = reader.nextTag === TAG.utcTime ? TAG.utcTime : TAG.generalizedTime
  const text = Buffer.from(reader.read(tag)).toString('latin1')
  const digits = tag === TAG.utcTime ? `${text < '50' ? '20' : '19'}${text}` : text
  const iso = digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const time = Date.parse(iso)
  if (Number.isNaN(time)) throw new DerError(`invalid time ${JSON.stringify(text)}`)
  return time
}

/** A list of a part of the certificates would leave the others unrevoked. */
function refusePartial(extensions: DerReader): void {
  while (extensions.hasMore) {
    const extension = extensions.enter()
    const oid = oidText(extension.read(TAG.oid))
    if (oid === DELTA) throw new DerError('it is a delta list; a complete one is needed')
    if (oid !== DISTRIBUTION_POINT) continue
    if (extension.nextTag === TAG.boolean) extension.next()
    const point = new DerReader(extension.read(TAG.octetString)).enter()
    while (point.hasMore) {
      if (!COMPLETE_POINT.includes(point.next().tag))
        throw new DerError('it lists a part of the certificates only (issuing distribution point)')
    }
  }
}
