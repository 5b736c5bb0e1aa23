import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import type { Seconds } from '../../base/units.js'
import { CertificateContexts, type ContextTerms, type TlsMaterial } from './certificate-contexts.js'
import { algorithmLists } from './tls-algorithms.js'

/** How long a session can be resumed. RFC 8446 §4.6.1 allows seven days. */
export const SESSION_LIFETIME: Seconds = 7200
/** The same in every gateway: OpenSSL resumes no session of another context. */
export const SESSION_CONTEXT = 'interdict'

type ChooseContext = NonNullable<TlsOptions['SNICallback']>

/** The certificates of a TLS server with `node:tls`. */
export class ServerContexts extends CertificateContexts<SecureContext> {
  /** For `SNICallback`; undefined with a single certificate. */
  readonly chooseContext: ChooseContext | undefined

  constructor(material: TlsMaterial) {
    super(material, terms => createSecureContext(optionsOf(terms)))
    if (this.hasSeveral) this.chooseContext = (name, done) => done(null, this.find(name))
  }

  /** For `createServer`, and for `setSecureContext` after `replace`. */
  get options(): TlsOptions {
    const options = optionsOf(this.terms)
    const { chooseContext: SNICallback } = this
    return SNICallback === undefined ? options : { ...options, SNICallback }
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
