import type { InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import { uncoveredNames } from '../discovery/uncovered-names.js'
import {
  loadCertificate,
  type Certificate,
  type CertificateFiles
} from '../../wire/tls/certificate.js'

export interface CertificateFindings {
  readonly errors: readonly InterdictError[]
  readonly warnings: readonly InterdictError[]
}

/**
 * Reads the certificates and keys that the settings name for listeners and the HTTP API, as the gateway would.
 * A key that every user may read is an error here, and so is a certificate that clients reject because of its dates.
 * For a running gateway both are warnings.
 *
 * @returns errors CERTIFICATE_UNREADABLE, CERTIFICATE_INVALID, CERTIFICATE_KEY, CERTIFICATE_VALIDITY, KEY_FILE_MODE; warnings
 *   CERTIFICATE_VALIDITY, CERTIFICATE_WILDCARD, ONBOARD_NOT_COVERED
 */
export async function checkCertificates(config: Config): Promise<CertificateFindings> {
  const files = new Map(filesOf(config).map(one => [`${one.certificate}\n${one.key}`, one]))
  const loaded = new Map<string, Certificate>()
  const errors: InterdictError[] = []
  const now = Date.now()
  const warnings: InterdictError[] = []
  for (const one of files.values()) {
    const result = await loadCertificate(one, now)
    if (result.certificate !== undefined) loaded.set(one.certificate, result.certificate)
    errors.push(...result.errors)
    const isUseless = result.certificate !== undefined && !isValidAt(result.certificate, now)
    const asErrors = ['KEY_FILE_MODE', ...(isUseless ? ['CERTIFICATE_VALIDITY'] : [])]
    for (const it of result.warnings) (asErrors.includes(it.code) ? errors : warnings).push(it)
  }
  return { errors, warnings: [...warnings, ...nameWarnings(config, loaded)] }
}

function filesOf({ listen, admin }: Config): readonly CertificateFiles[] {
  const own = listen.flatMap(({ certificates }) => certificates ?? [])
  return admin.tls === undefined ? own : [...own, admin.tls]
}

/** Names by which clients reach a listener, and that none of its certificates covers. */
function nameWarnings(
  config: Config,
  loaded: ReadonlyMap<string, Certificate>
): readonly InterdictError[] {
  return uncoveredNames(config, ({ certificate }) => loaded.get(certificate)?.names)
}

function isValidAt({ notBefore, notAfter }: Certificate, now: Milliseconds): boolean {
  return notBefore <= now && now <= notAfter
}
