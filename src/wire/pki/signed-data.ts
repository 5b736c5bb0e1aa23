import { constants, createHash, verify, type KeyObject } from 'node:crypto'
import { DerError, DerReader, oidText, TAG } from './der.js'

/** SignedData of RFC 5652 §5 with one signer, whose attributes name its certificate (RFC 5035). */
export interface SignedData {
  readonly contentType: string
  readonly content: Uint8Array
  /** DER. */
  readonly certificates: readonly Uint8Array[]
  /** Digest of the signer's certificate, according to the signed attributes. */
  readonly signingCertificate: { readonly algorithm: string; readonly digest: Uint8Array }
  /** True if a key signed the content. */
  isSignedBy(key: KeyObject): boolean
}

const SIGNED_DATA = '1.2.840.113549.1.7.2'
const CONTENT_TYPE = '1.2.840.113549.1.9.3'
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4'
const SIGNING_CERTIFICATE = '1.2.840.113549.1.9.16.2.12'
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47'
const SET = 0x31
/** Context-specific, constructed: [0] and [1]. */
const FIRST = 0xa0
const SECOND = 0xa1

/** RFC 5754 §2. */
const DIGESTS: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512'
}
/** Signature algorithms, with their digest; undefined: that of the signer. RFC 5754 §3, RFC 8419. */
const SIGNATURES: Readonly<Record<string, string | null | undefined>> = {
  '1.2.840.113549.1.1.1': undefined,
  '1.2.840.113549.1.1.10': undefined,
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.2.1': undefined,
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null
}
const RSA_PSS = '1.2.840.113549.1.1.10'

/** @param contentInfo DER @throws DerError */
export function readSignedData(contentInfo: Uint8Array): SignedData {
  const info = new DerReader(contentInfo).enter()
  if (oidText(info.read(TAG.oid)) !== SIGNED_DATA) throw new DerError('it is not signed data')
  const data = info.enter(FIRST).enter()
  data.next(TAG.integer).next(SET)
  const encapsulated = data.enter()
  const contentType = oidText(encapsulated.read(TAG.oid))
  const content = encapsulated.enter(FIRST).read(TAG.octetString)
  const certificates = data.nextTag === FIRST ? wholes(data.enter(FIRST)) : []
  if (data.nextTag === SECOND) data.next()
  const signers = data.enter(SET)
  const signer = readSigner(signers.enter(), contentType, content)
  if (signers.hasMore) throw new DerError('it has several signers')
  return { contentType, content, certificates, ...signer }
}

/** SignerInfo: RFC 5652 §5.3. The digest of the content is in the signed attributes. */
function readSigner(
  signer: DerReader,
  contentType: string,
  content: Uint8Array
): Pick<SignedData, 'signingCertificate' | 'isSignedBy'> {
  signer.next(TAG.integer).next()
  const digest = digestOf(oidText(signer.enter().read(TAG.oid)))
  const attributes = Buffer.from(signer.whole(FIRST))
  // They are signed as a SET: RFC 5652 §5.4.
  attributes[0] = SET
  const found = readAttributes(attributes)
  const typed = found.get(CONTENT_TYPE)
  if (typed === undefined || oidText(new DerReader(typed).read(TAG.oid)) !== contentType)
    throw new DerError('its attributes are of another type of content')
  const hashed = found.get(MESSAGE_DIGEST)
  const expected = createHash(digest).update(content).digest()
  if (hashed === undefined || !expected.equals(new DerReader(hashed).read(TAG.octetString)))
    throw new DerError('its content is altered')
  const algorithm = oidText(signer.enter().read(TAG.oid))
  if (!(algorithm in SIGNATURES)) throw new DerError(`unknown signature algorithm ${algorithm}`)
  const own = SIGNATURES[algorithm]
  const signature = signer.read(TAG.octetString)
  const isSignedBy = (key: KeyObject): boolean => {
    const padding =
      algorithm === RSA_PSS ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
    const isRsa = key.asymmetricKeyType === 'rsa'
    const options = isRsa ? { key, padding } : key
    try {
      return verify(own === undefined ? digest : own, attributes, options, signature)
    } catch {
      // A key of another kind.
      return false
    }
  }
  return { signingCertificate: signingCertificateOf(found), isSignedBy }
}

/** The first value of each attribute, by OID. */
function readAttributes(set: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const attributes = new DerReader(set).enter(SET)
  const found = new Map<string, Uint8Array>()
  while (attributes.hasMore) {
    const attribute = attributes.enter()
    const oid = oidText(attribute.read(TAG.oid))
    const values = attribute.enter(SET)
    found.set(oid, values.whole(values.nextTag))
  }
  return found
}

/** SigningCertificate and SigningCertificateV2: RFC 5035 §3 to §5. */
function signingCertificateOf(
  attributes: ReadonlyMap<string, Uint8Array>
): SignedData['signingCertificate'] {
  const second = attributes.get(SIGNING_CERTIFICATE_V2)
  const value = second ?? attributes.get(SIGNING_CERTIFICATE)
  if (value === undefined) throw new DerError('its attributes name no certificate')
  const id = new DerReader(value).enter().enter().enter()
  let algorithm = second === undefined ? 'sha1' : 'sha256'
  if (id.nextTag === TAG.sequence) algorithm = digestOf(oidText(id.enter().read(TAG.oid)))
  return { algorithm, digest: id.read(TAG.octetString) }
}

function digestOf(oid: string): string {
  const digest = DIGESTS[oid]
  if (digest === undefined) throw new DerError(`unknown digest algorithm ${oid}`)
  return digest
}

function wholes(values: DerReader): Uint8Array[] {
  const all: Uint8Array[] = []
  while (values.hasMore) all.push(values.whole(values.nextTag))
  return all
}
