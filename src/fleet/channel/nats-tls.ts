import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import type { TlsOptions } from '@nats-io/transport-node'
import type { FleetNatsConfig } from '../../gateway/config/fleet-config.js'

export type NatsTls = Pick<FleetNatsConfig, 'servers' | 'caFile' | 'certificate'>

/** TLS, if a server is written `tls://`; otherwise null. Throws an error of the system for a file. */
export function natsTls({ servers, caFile, certificate }: NatsTls): TlsOptions | null {
  if (!servers.some(server => server.startsWith('tls:'))) return null
  const ca = caFile === undefined ? [] : [readFileSync(caFile, 'utf8'), ...rootCertificates]
  return {
    ...(caFile !== undefined && { ca: ca.join('\n') }),
    ...(certificate !== undefined && {
      cert: readFileSync(certificate.certificate, 'utf8'),
      key: readFileSync(certificate.key, 'utf8')
    })
  }
}
