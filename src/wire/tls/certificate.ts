import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { isOpenToOthers } from '../../base/files/file-mode.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Position } from '../../base/errors/position.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'

/** A certificate is reported as about to expire from this time before its end. */
const EXPIRY_WARNING: Milliseconds = 14 * MS_PER_DAY
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Where a certificate and its private key are: two files in PEM, or the same one twice. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
  /** Of the setting that names them, for errors. */
  readonly position: Position
}

/** A certificate with its chain and private key. Plain data, since it is sent to other threads. */
export interface Certificate {
  /** PEM: the server's certificate, then its issuers. */
  readonly chain: string
  /** PEM. */
  readonly key: string
  /** DNS names and addresses of the subject alternative name, in lower case. */
  readonly names: readonly string[]
  /** Wall-clock time. */
  readonly notBefore: Milliseconds
  /** Wall-clock time. */
  readonly notAfter: Milliseconds
  /** SHA-256, in hexadecimal pairs with colons between them. */
  readonly fingerprint: string
}

/** A certificate that can be served, or why not. */
export interface CertificateResult {
  readonly certificate: Certificate | undefined
  /** CERTIFICATE_UNREADABLE, CERTIFICATE_INVALID, CERTIFICATE_KEY */
  readonly errors: readonly InterdictError[]
  /** CERTIFICATE_VALIDITY, KEY_FILE_MODE */
  readonly warnings: readonly InterdictError[]
}

/**
 * Reads and checks a certificate and its key. One that has expired is served, with a warning: clients that
 * do not verify it would otherwise lose their encryption too. Never throws.
 *
 * @param now wall-clock time
 */
export async function loadCertificate(
  files: CertificateFiles,
  now: Milliseconds
): Promise<CertificateResult> {
  const { position } = files
  const warnings: InterdictError[] = []
  try {
    const chainText = await read(files.certificate, position)
    const keyText = await read(files.key, position)
    const chain = chainOf(chainText, files)
    checkKey(chain, keyOf(keyText, files), files)
    const pem = chain.map(one => one.toString()).join('')
    checkUsable(pem, keyText, files)
    const certificate = describe(chain[0]!, pem, keyText)
    const validity = validityOf(certificate, now)
    if (validity !== undefined) {
      warnings.push(failureAt(position, 'CERTIFICATE_VALIDITY', files.certificate, ...validity))
    }
    if (isOpenToOthers(files.key)) {
      warnings.push(failureAt(position, 'KEY_FILE_MODE', files.key))
    }
    return { certificate, errors: [], warnings }
  } catch (error) {
    return { certificate: undefined, errors: [error as InterdictError], warnings }
  }
}

/** What is wrong with the validity period: a phrase and its date; undefined: nothing. */
export function validityOf(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: Milliseconds
): readonly [what: string, date: string] | undefined {
  const date = (time: Milliseconds): string => new Date(time).toISOString().slice(0, 19) + 'Z'
  if (now > notAfter) return ['expired at', date(notAfter)]
  if (now < notBefore) return ['is not valid before', date(notBefore)]
  return now > notAfter - EXPIRY_WARNING ? ['expires at', date(notAfter)] : undefined
}

async function read(file: string, position: Position): Promise<string> {
  try {
    return (await readBoundedFile(file, MAX_SECRET_FILE)).toString('latin1')
  } catch (error) {
    throw failureAt(position, 'CERTIFICATE_UNREADABLE', file, reasonOf(error))
  }
}

function chainOf(text: string, { certificate, position }: CertificateFiles): X509Certificate[] {
  const invalid = (why: string): InterdictError =>
    failureAt(position, 'CERTIFICATE_INVALID', certificate, why)
  const blocks = text.match(PEM_CERTIFICATE)
  if (blocks === null) throw invalid('no certificate in PEM (-----BEGIN CERTIFICATE-----)')
  const chain = blocks.map((block, i) => {
    return attempt(
      () => new X509Certificate(block),
      why => invalid(`certificate ${i + 1}: ${why}`)
    )
  })
  for (const [i, issuer] of chain.slice(1).entries()) {
    if (!chain[i]!.checkIssued(issuer)) {
      const order = 'write the certificate of the server first, then each issuer below it'
      throw invalid(`certificate ${i + 2} is not the issuer of certificate ${i + 1}; ${order}`)
    }
  }
  return chain
}

function keyOf(text: string, files: CertificateFiles): KeyObject {
  if (text.includes('ENCRYPTED')) throw keyError(files, 'it is encrypted')
  return attempt(
    () => createPrivateKey(text),
    why => keyError(files, why)
  )
}

function checkKey(
  chain: readonly X509Certificate[],
  key: KeyObject,
  files: CertificateFiles
): void {
  const owner = chain.findIndex(certificate => certificate.checkPrivateKey(key))
  if (owner === 0) return
  const other = owner > 0 ? `it is that of certificate ${owner + 1} in the file` : 'no match'
  throw keyError(files, `it does not belong to certificate ${files.certificate} (${other})`)
}

/** OpenSSL has demands of its own, on the size of keys for example. */
function checkUsable(cert: string, key: string, { certificate, position }: CertificateFiles): void {
  attempt(
    () => createSecureContext({ cert, key }),
    why => failureAt(position, 'CERTIFICATE_INVALID', certificate, why)
  )
}

function describe(leaf: X509Certificate, chain: string, key: string): Certificate {
  return {
    chain,
    key,
    names: namesOf(leaf.subjectAltName ?? ''),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    fingerprint: leaf.fingerprint256
  }
}

/** From `DNS:dns.example, IP Address:192.0.2.1`; Node quotes names with other characters. */
function namesOf(text: string): string[] {
  return [...text.matchAll(/(?:DNS|IP Address):([^",\s]+)/g)].map(([, name]) => name!.toLowerCase())
}

function attempt<T>(run: () => T, failed: (why: string) => InterdictError): T {
  try {
    return run()
  } catch (error) {
    throw failed(reasonOf(error))
  }
}

function keyError(files: CertificateFiles, why: string): InterdictError {
  return failureAt(files.position, 'CERTIFICATE_KEY', files.key, why)
}
