import { failure, failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { CertificateConfig, Config, ListenConfig } from '../../gateway/config/config.js'
import { showEndpoint } from '../../wire/sockets/endpoint.js'
import { loadCertificate, type Certificate } from '../../wire/tls/certificate.js'
import { covers } from '../../gateway/discovery/covers.js'
import {
  designationOf,
  isAnnounced,
  type Designation
} from '../../gateway/discovery/designation.js'

/** The announced listeners, and the first certificate that covers their name. */
export interface CoveredListeners {
  readonly designation: Designation
  readonly files: CertificateConfig
  /** CERTIFICATE_VALIDITY, KEY_FILE_MODE, and ONBOARD_ADDRESS_NOT_COVERED */
  readonly warnings: readonly InterdictError[]
}

/**
 * The announced listeners as clients reach them, all of which must have a certificate for their name.
 *
 * @param now wall-clock time
 * @throws InterdictError ONBOARD_NO_NAME, ONBOARD_NO_LISTENER, ONBOARD_NOT_COVERED, CERTIFICATE_UNREADABLE,
 *   CERTIFICATE_INVALID, CERTIFICATE_KEY
 */
export async function coveredListeners(
  config: Pick<Config, 'listen' | 'discovery'>,
  now: Milliseconds
): Promise<CoveredListeners> {
  const { listen, discovery } = config
  const encrypted = listen.filter(isAnnounced)
  if (encrypted.length === 0) throw failure('ONBOARD_NO_LISTENER')
  const designation = designationOf(config)
  if (designation === undefined || discovery === undefined) throw failure('ONBOARD_NO_NAME')
  const { name, position } = discovery
  const loaded = await loadAll(encrypted, now)
  let first: Loaded | undefined
  for (const listener of encrypted) {
    const own = listener.certificates!.map(files => loaded.get(keyOf(files))!)
    const covering = own.find(({ certificate }) => covers(certificate.names, name))
    if (covering === undefined) {
      const files = own.map(({ files }) => files.certificate).join(', ')
      throw failureAt(position, 'ONBOARD_NOT_COVERED', name, showEndpoint(listener), files)
    }
    first ??= covering
  }
  const { files, certificate } = first!
  const warnings = [...loaded.values()].flatMap(one => one.warnings)
  const addresses = new Set(designation.services.flatMap(service => service.addresses))
  const missing = [...addresses].filter(one => !certificate.names.includes(one))
  if (missing.length > 0)
    warnings.push(failure('ONBOARD_ADDRESS_NOT_COVERED', files.certificate, missing.join(', ')))
  return { designation, files, warnings }
}

interface Loaded {
  readonly files: CertificateConfig
  readonly certificate: Certificate
  readonly warnings: readonly InterdictError[]
}

/** Each pair of files once: listeners usually share one. */
async function loadAll(
  listeners: readonly ListenConfig[],
  now: Milliseconds
): Promise<ReadonlyMap<string, Loaded>> {
  const loaded = new Map<string, Loaded>()
  for (const files of listeners.flatMap(({ certificates }) => certificates!)) {
    if (loaded.has(keyOf(files))) continue
    const { certificate, errors, warnings } = await loadCertificate(files, now)
    if (certificate === undefined) throw errors[0]!
    loaded.set(keyOf(files), { files, certificate, warnings })
  }
  return loaded
}

function keyOf({ certificate, key }: CertificateConfig): string {
  return `${certificate}\n${key}`
}
