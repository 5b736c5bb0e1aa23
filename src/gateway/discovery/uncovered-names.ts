import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { ListenConfig } from '../config/config.js'
import type { TlsMaterial } from '../../wire/tls/certificate-contexts.js'

/**
 * Warnings of listeners that tell clients by their server name, but have no certificate for such names:
 * clients that verify it cannot connect.
 *
 * @param materials of each listener
 */
export function uncoveredNames(
  listeners: readonly ListenConfig[],
  materials: readonly (TlsMaterial | undefined)[]
): readonly InterdictError[] {
  return listeners.flatMap(({ recognition, certificates }, i) => {
    const name = recognition?.name
    const names = materials[i]?.certificates.flatMap(one => one.names)
    if (name === undefined || names?.includes(`*.${name}`) !== false) return []
    const [first] = certificates!
    return [failureAt(first!.position, 'CERTIFICATE_WILDCARD', first!.certificate, `*.${name}`)]
  })
}
