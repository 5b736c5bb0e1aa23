import type { TlsListenOptions } from '../../src/resolver/server/tls-handshakes.js'
import type { TlsLimits } from '../../src/resolver/server/tls-handshakes.js'
import type { Certificate } from '../../src/wire/tls/certificate.js'
import { makeCertificate } from '../tls/certificates.js'

/** A certificate as the loader describes it, self-signed. */
export function servedCertificate(...names: readonly string[]): Certificate {
  const { certificate: chain, key } = makeCertificate({ names })
  return { chain, key, names, notBefore: 0, notAfter: Infinity, fingerprint: '' }
}

let shared: Certificate | undefined

/** What a TLS listener of a test needs, with one certificate for all tests of the process. */
export function tlsListenOptions(limits: Partial<TlsLimits> = {}): TlsListenOptions {
  shared ??= servedCertificate('dns.example')
  // Clients are asked for certificates where there are authorities.
  const certificates = [{ ...shared, requestsClientCertificates: true }]
  const material = { certificates, ticketKey: new Uint8Array(48) }
  return { material, limits: { timeout: 5000, inProgress: 100, ...limits } }
}
