import { failureAt, type InterdictError } from '../../base/errors/error.js'
import { showEndpoint } from '../../wire/sockets/endpoint.js'
import type { CertificateConfig, Config } from '../config/config.js'
import { uncoveredListeners } from './expected-names.js'

/**
 * Warnings of listeners that clients cannot verify, since no certificate has the name by which they connect:
 * CERTIFICATE_WILDCARD, ONBOARD_NOT_COVERED.
 *
 * @param namesOf see `uncoveredListeners`
 */
export function uncoveredNames(
  config: Pick<Config, 'listen' | 'discovery'>,
  namesOf: (files: CertificateConfig) => readonly string[] | undefined
): readonly InterdictError[] {
  return uncoveredListeners(config, namesOf).map(({ listener, name }) => {
    const files = listener.certificates!.map(({ certificate }) => certificate)
    const { position } = listener.certificates![0]!
    if (name.startsWith('*.')) return failureAt(position, 'CERTIFICATE_WILDCARD', files[0]!, name)
    const endpoint = showEndpoint(listener)
    return failureAt(position, 'ONBOARD_NOT_COVERED', name, endpoint, files.join(', '))
  })
}
