import { DEFAULT_CIPHERS } from 'node:tls'
import { useCertificate, useCertificates } from './encoding.js'
import type { OpenSsl } from './openssl.js'
import { newSecureContext } from './secure-context.js'

/** PEM of a certificate that a server may ask for, and of its key. */
export interface ClientCertificate {
  readonly certificate: string
  readonly key: string
}

/** With the versions and ciphers that clients have with `node:tls`. @param authorities to trust, in PEM */
export function newClientContext(
  openSsl: OpenSsl,
  authorities: string,
  client: ClientCertificate | undefined
): number {
  return newSecureContext(openSsl, openSsl.clientMethod(), context => {
    openSsl.setCiphers(context, DEFAULT_CIPHERS)
    const store = openSsl.trustStore(context)
    useCertificates(openSsl, authorities, authority => openSsl.trust(store, authority))
    if (client !== undefined) useCertificate(openSsl, context, client.certificate, client.key)
  })
}
