import { X509Certificate } from 'node:crypto'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { AcmeConfig } from '../config/acme-config.js'
import { DerReader, oidText, TAG } from '../../wire/pki/der.js'
import { acmeHttp } from './http.js'

/** Of the extension authorityKeyIdentifier, and of its member keyIdentifier. RFC 5280 §4.2.1.1. */
const AUTHORITY_KEY = '2.5.29.35'
const KEY_IDENTIFIER = 0x80
/** Context-specific, constructed, 3: the extensions. RFC 5280 §4.1. */
const EXTENSIONS = 0xa3
/** A time before the next run of the timer is now: RFC 9773 §4.2. */
const BETWEEN_RUNS: Milliseconds = 12 * 3_600 * MS_PER_SECOND

/** What the ACME server says of a certificate. */
export interface RenewalInfo {
  /** For `replaces` of the next order. RFC 9773 §5. */
  readonly certificateId: string
  /** Whether it is to be renewed now, at a random time in the window that the server suggests. */
  readonly isDue: boolean
}

/**
 * Asks the ACME server when to renew a certificate (ARI, RFC 9773): before it revokes many, it says so.
 *
 * @param chain PEM
 * @param now wall-clock time
 * @returns undefined: it says nothing, cannot be reached, or the certificate is not from such a server
 */
export async function renewalInfo(
  { directory, proxy }: AcmeConfig,
  ca: string | undefined,
  chain: string,
  now: Milliseconds
): Promise<RenewalInfo | undefined> {
  try {
    const certificateId = idOf(new X509Certificate(chain))
    if (certificateId === undefined) return undefined
    const http = acmeHttp(ca, proxy)
    const { renewalInfo: url } = (await http.get<{ renewalInfo?: string }>(directory)).data
    if (url === undefined) return undefined
    const { data } = await http.get<{ suggestedWindow: Record<'start' | 'end', string> }>(
      `${url.replace(/\/$/, '')}/${certificateId}`
    )
    const { start, end } = data.suggestedWindow
    const [from, to] = [Date.parse(start), Date.parse(end)]
    const at = from + Math.random() * (to - from)
    return to > from ? { certificateId, isDue: at <= now + BETWEEN_RUNS } : undefined
  } catch {
    // The dates of the certificate decide.
    return undefined
  }
}

/** RFC 9773 §4.1: the key of its issuer, and its serial number. */
function idOf({ raw }: X509Certificate): string | undefined {
  const certificate = new DerReader(raw).enter().enter()
  certificate.next()
  const serial = certificate.read(TAG.integer)
  while (certificate.nextTag !== EXTENSIONS) certificate.next()
  const extensions = certificate.enter(EXTENSIONS).enter()
  while (extensions.hasMore) {
    const extension = extensions.enter()
    if (oidText(extension.read(TAG.oid)) !== AUTHORITY_KEY) continue
    const key = new DerReader(extension.read(TAG.octetString)).enter().read(KEY_IDENTIFIER)
    return [key, serial].map(part => Buffer.from(part).toString('base64url')).join('.')
  }
  return undefined
}
