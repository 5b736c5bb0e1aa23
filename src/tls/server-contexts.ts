import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import type { Seconds } from '../base/units.js'
import type { Certificate } from './certificate.js'

/**
 * For TLS 1.3 and 1.2: forward secrecy and authenticated encryption only; RFC 9325 §4.2. The client
 * chooses among them, since it knows whether its processor has AES.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305'
].join(':')

/** How long a session can be resumed. RFC 8446 §4.6.1 allows seven days. */
const SESSION_LIFETIME: Seconds = 7200
/** The same in every gateway: OpenSSL resumes no session of another context. */
const SESSION_CONTEXT = 'interdict'

/** What a TLS server needs. Plain data, since it is sent to other threads. */
export interface TlsMaterial {
  /** The first is for clients that name no server, or one that no certificate has. */
  readonly certificates: readonly Certificate[]
  readonly ticketKey: Uint8Array
}

type ChooseContext = NonNullable<TlsOptions['SNICallback']>

/** The certificates of one TLS server, chosen by server name (RFC 6066 §3) where there are several. */
export class ServerContexts {
  /** Of the first certificate. */
  context!: SecureContext
  /** For `SNICallback`; undefined with a single certificate. */
  readonly chooseContext: ChooseContext | undefined
  private byName: ReadonlyMap<string, SecureContext> = new Map()
  private material!: TlsMaterial
  /** Authorities of clients, in PEM; empty: none. */
  private clientAuthorities = ''

  constructor(material: TlsMaterial) {
    this.replace(material)
    if (material.certificates.length > 1)
      this.chooseContext = (name, done) => done(null, this.find(name))
  }

  /** For `createServer`, and for `setSecureContext` after `replace`. */
  get options(): TlsOptions {
    const options = contextOptions(this.material, 0, this.clientAuthorities)
    const { chooseContext: SNICallback } = this
    return SNICallback === undefined ? options : { ...options, SNICallback }
  }

  /** Takes other certificates and keys for the connections to come; those that are open stay. */
  replace(material: TlsMaterial): void {
    this.material = material
    this.context = createSecureContext(contextOptions(material, 0, this.clientAuthorities))
    this.byName = contextsByName(material, this.clientAuthorities)
  }

  /** Names these authorities when a certificate is requested of a client. RFC 8446 §4.2.4. */
  setClientAuthorities(authorities: string): void {
    if (authorities === this.clientAuthorities) return
    this.clientAuthorities = authorities
    this.replace(this.material)
  }

  /** Whether clients are asked for a certificate. */
  get requestsCertificates(): boolean {
    return this.clientAuthorities !== ''
  }

  /** Undefined: the first certificate. A wildcard stands for one label: RFC 9525 §6.3. */
  private find(name: string): SecureContext | undefined {
    const lower = name.toLowerCase()
    return this.byName.get(lower) ?? this.byName.get(lower.replace(/^[^.]+/, '*'))
  }
}

function contextsByName(
  material: TlsMaterial,
  authorities: string
): ReadonlyMap<string, SecureContext> {
  const contexts = new Map<string, SecureContext>()
  const { certificates } = material
  if (certificates.length === 1) return contexts
  for (const [i, { names }] of certificates.entries()) {
    const context = createSecureContext(contextOptions(material, i, authorities))
    for (const name of names) if (!contexts.has(name)) contexts.set(name, context)
  }
  return contexts
}

function contextOptions(
  { certificates, ticketKey }: TlsMaterial,
  i: number,
  authorities: string
): TlsOptions {
  const { chain, key } = certificates[i]!
  return {
    cert: chain,
    key,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: false,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    sessionIdContext: SESSION_CONTEXT,
    sessionTimeout: SESSION_LIFETIME,
    ticketKeys: Buffer.from(ticketKey),
    ...(authorities === '' ? {} : { ca: authorities })
  }
}
