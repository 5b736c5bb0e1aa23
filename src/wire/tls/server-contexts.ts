import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import type { Seconds } from '../../base/units.js'
import { CertificateContexts, type ContextTerms, type TlsMaterial } from './certificate-contexts.js'

/**
 * For TLS 1.3 and 1.2: forward secrecy and authenticated encryption only; RFC 9325 §4.2. The client
 * chooses among them, since it knows whether its processor has AES.
 */
export const CIPHERS_1_3 = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256'
].join(':')
/** The same for TLS 1.2. */
export const CIPHERS_1_2 = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305'
].join(':')

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

function optionsOf({ certificate, ticketKey, authorities }: ContextTerms): TlsOptions {
  return {
    cert: certificate.chain,
    key: certificate.key,
    minVersion: 'TLSv1.2',
    ciphers: `${CIPHERS_1_3}:${CIPHERS_1_2}`,
    honorCipherOrder: false,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    sessionIdContext: SESSION_CONTEXT,
    sessionTimeout: SESSION_LIFETIME,
    ticketKeys: Buffer.from(ticketKey),
    ...(authorities === '' ? {} : { ca: authorities })
  }
}
