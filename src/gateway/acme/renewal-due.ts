import type { Milliseconds } from '../../base/units.js'
import { loadCertificate, type CertificateFiles } from '../../wire/tls/certificate.js'

/** A certificate is renewed when less than this part of its lifetime is left. */
const RENEWAL_PART = 1 / 3

/** Whether a certificate needs to be renewed, and why. */
export interface RenewalDue {
  readonly isDue: boolean
  /** For people. */
  readonly reason: string
  /** Wall-clock time; undefined: no usable certificate exists. */
  readonly notAfter: Milliseconds | undefined
  /** Wall-clock time from which it is due. */
  readonly from: Milliseconds | undefined
  /** The certificate with its chain, in PEM; undefined: no usable certificate exists. */
  readonly chain: string | undefined
}

/**
 * A certificate is due in the last third of its lifetime; or if its files are missing or unusable, as after
 * a crash between the two; or if a name is missing.
 *
 * @param names in lower case
 * @param now wall-clock time
 */
export async function renewalDue(
  files: CertificateFiles,
  names: readonly string[],
  now: Milliseconds
): Promise<RenewalDue> {
  const { certificate, errors } = await loadCertificate(files, now)
  if (certificate === undefined) {
    const reason = errors[0]!.message
    return { isDue: true, reason, notAfter: undefined, from: undefined, chain: undefined }
  }
  const { notBefore, notAfter } = certificate
  const from = notAfter - (notAfter - notBefore) * RENEWAL_PART
  const missing = names.filter(name => !certificate.names.includes(name))
  const dates = { notAfter, from, chain: certificate.chain }
  if (missing.length > 0)
    return { isDue: true, reason: `it does not cover ${missing.join(', ')}`, ...dates }
  if (now >= from) return { isDue: true, reason: `it expires at ${showTime(notAfter)}`, ...dates }
  const reason = `valid until ${showTime(notAfter)}, to be renewed from ${showTime(from)}`
  return { isDue: false, reason, ...dates }
}

function showTime(time: Milliseconds): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}
