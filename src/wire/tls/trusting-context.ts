import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'

/** The authorities that a client trusts. */
export type TrustContext = SecureContext

/** A TLS context that trusts only the certificates built into Node. */
export const builtInTrust = (): TrustContext => createSecureContext()

let last: { readonly ca: string; readonly context: SecureContext } | undefined

/**
 * A TLS context that trusts these certificates besides those built into Node. Parsing the latter takes
 * 16 ms, so the last context is kept.
 *
 * @param ca PEM
 * @throws Error if they are not certificates
 */
export function contextTrusting(ca: string): TrustContext {
  if (last?.ca !== ca)
    last = { ca, context: createSecureContext({ ca: [...rootCertificates, ca] }) }
  return last.context
}
