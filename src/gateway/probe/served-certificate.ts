import { X509Certificate } from 'node:crypto'
import { connect, isIP } from 'node:net'
import { reasonOf } from '../../base/errors/reason.js'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import type { Milliseconds } from '../../base/units.js'
import {
  readServedCertificate,
  type ServedCertificate
} from '../../wire/tls/read-served-certificate.js'
import type { TrustContext } from '../../wire/tls/trusting-context.js'
import { serverNameFor, type TlsTarget } from './tls-targets.js'

/**
 * Why a client that verifies a TLS listener cannot use it, or soon cannot:
 *
 * `TLS_FAILING`            no handshake is possible
 * `CERTIFICATE_UNTRUSTED`  no trusted authority has signed the certificate
 * `CERTIFICATE_NAME`       it has not the name
 * `CERTIFICATE_EXPIRED`    it has expired, or is not valid yet
 * `CERTIFICATE_OUTDATED`   its file has another one
 */
export type ListenerProblemCode =
  | 'TLS_FAILING'
  | 'CERTIFICATE_UNTRUSTED'
  | 'CERTIFICATE_NAME'
  | 'CERTIFICATE_EXPIRED'
  | 'CERTIFICATE_OUTDATED'

export interface ListenerProblem {
  readonly code: ListenerProblemCode
  /** As `TlsTarget`. */
  readonly listener: string
  /** The name that was verified; '': none is known, or the problem has none. */
  readonly name: string
  readonly problem: string
}

/** Errors of a chain that are about dates. openssl-verification-options(1) */
const DATE_ERRORS = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']

/**
 * Connects to a listener once for each of its names, as a client that verifies the certificate.
 *
 * @param context with the authorities that clients trust
 * @param now wall-clock time
 */
export async function verifyListener(
  target: TlsTarget,
  context: TrustContext,
  timeout: Milliseconds,
  now: Milliseconds
): Promise<readonly ListenerProblem[]> {
  const { listener, names, files } = target
  const onDisk = await fingerprintsOf(files)
  const found = new Map<string, ListenerProblem>()
  for (const name of names.length === 0 ? [undefined] : names) {
    const served = await handshake(target, name, context, timeout)
    if (served instanceof Error) {
      const problem = `no TLS handshake: ${reasonOf(served)}`
      return [{ code: 'TLS_FAILING', listener, name: '', problem }]
    }
    for (const one of problemsOf(served, name, onDisk, now)) {
      const { code, problem } = one
      // Whatever the name, unless it is about the name.
      const about = code === 'CERTIFICATE_NAME' ? (name ?? '') : ''
      found.set(`${code} ${about}`, { code, listener, name: about, problem })
    }
  }
  return [...found.values()]
}

function problemsOf(
  { certificate, chainError }: ServedCertificate,
  name: string | undefined,
  onDisk: ReadonlySet<string> | undefined,
  now: Milliseconds
): readonly Pick<ListenerProblem, 'code' | 'problem'>[] {
  const { validFrom, validTo, subjectAltName, fingerprint256 } = certificate
  const isEarly = now < Date.parse(validFrom)
  const dates = `it is valid from ${validFrom} until ${validTo}`
  const isDated = isEarly || now > Date.parse(validTo)
  const isChainDated = chainError !== undefined && DATE_ERRORS.includes(chainError)
  const hint = 'if clients trust an authority of your own, name its certificate in probe.ca-file'
  return [
    ...problemIf(isDated, 'CERTIFICATE_EXPIRED', dates),
    ...problemIf(
      isChainDated && !isDated,
      'CERTIFICATE_EXPIRED',
      `a certificate of its issuers is not valid now (${chainError})`
    ),
    ...problemIf(
      chainError !== undefined && !isChainDated,
      'CERTIFICATE_UNTRUSTED',
      `no trusted authority has signed it (${chainError}); ${hint}`
    ),
    ...problemIf(
      name !== undefined && !covers(certificate, name),
      'CERTIFICATE_NAME',
      `the names in it are ${subjectAltName ?? 'none'}`
    ),
    ...problemIf(
      onDisk !== undefined && !onDisk.has(fingerprint256),
      'CERTIFICATE_OUTDATED',
      `the certificate that is served (SHA-256 ${fingerprint256}) is not the one in its file`
    )
  ]
}

const problemIf = (isSo: boolean, code: ListenerProblemCode, problem: string) =>
  isSo ? [{ code, problem }] : []

/** By the subject alternative names alone, with a wildcard for one whole label. RFC 9525 §6.3 */
function covers(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
  const options = { subject: 'never', partialWildcards: false } as const
  return certificate.checkHost(name, options) !== undefined
}

/** SHA-256 of the first certificate in each file; undefined: one cannot be read, which is reported elsewhere. */
async function fingerprintsOf(files: readonly string[]): Promise<ReadonlySet<string> | undefined> {
  try {
    const all = await Promise.all(files.map(file => readBoundedFile(file, MAX_SECRET_FILE)))
    return new Set(all.map(text => new X509Certificate(text).fingerprint256))
  } catch {
    return undefined
  }
}

function handshake(
  target: TlsTarget,
  name: string | undefined,
  context: TrustContext,
  timeout: Milliseconds
): Promise<ServedCertificate | Error> {
  const { address: host, port, from, preamble, protocols } = target
  const socket = connect({ host, port, ...(from && { localAddress: from }) })
  if (preamble !== undefined) socket.once('connect', () => socket.write(preamble))
  const servername = serverNameFor(target, name)
  return readServedCertificate({ socket, servername, protocols, context }, timeout)
}
