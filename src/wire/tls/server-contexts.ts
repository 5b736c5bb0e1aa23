import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import type { Seconds } from '../../base/units.js'
import { CertificateContexts, type ContextTerms, type TlsMaterial } from './certificate-contexts.js'
import { algorithmLists } from './tls-algorithms.js'

/** How long a session can be resumed. RFC 8446 §4.6.1 allows seven days. */
export const SESSION_LIFETIME: Seconds = 7200
/** The same in every gateway: OpenSSL resumes no session of another context. */
export const SESSION_CONTEXT = 'interdict'

export type ChooseContext = NonNullable<TlsOptions['SNICallback']>

/** The certificates of a TLS server with `node:tls`. */
export class ServerContexts extends CertificateContexts<SecureContext> {
  constructor(material: TlsMaterial) {
    super(material, terms => createSecureContext(optionsOf(terms)))
  }

  /** For `createServer`, and for `setSecureContext` after `replace`. */
  get options(): TlsOptions {
    const SNICallback: ChooseContext = (name, done) => done(null, this.find(name)?.context)
    return { ...optionsOf(this.terms), ...(this.hasSeveral && { SNICallback }) }
  }
}

function optionsOf({ certificate, ticketKey, authorities, algorithms }: ContextTerms): TlsOptions {
  const { groups, ciphers, cipherSuites } = algorithmLists(algorithms)
  return {
    cert: certificate.chain,
    key: certificate.key,
    minVersion: 'TLSv1.2',
    ciphers: `${cipherSuites}:${ciphers}`,
    ...(groups === '' ? {} : { ecdhCurve: groups }),
    honorCipherOrder: false,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    sessionIdContext: SESSION_CONTEXT,
    sessionTimeout: SESSION_LIFETIME,
    ticketKeys: Buffer.from(ticketKey),
    ...(authorities === '' ? {} : { ca: authorities })
  }
}
