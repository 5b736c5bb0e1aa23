import { certificateNameOf } from '../dns/edns/probe-option.js'
import type { Certificate } from './certificate.js'
import type { TlsAlgorithms } from './tls-algorithms.js'

/** A certificate as one server uses it. Plain data, like the rest of `TlsMaterial`. */
export interface ServedCertificate extends Certificate {
  /** Server names for which it is chosen before any other; undefined: the names that it has. */
  readonly serverNames?: readonly string[] | undefined
  /** Whether its clients are asked for a certificate; undefined: they are not. */
  readonly requestsClientCertificates?: boolean
}

/** What a TLS server needs. Plain data, since it is sent to other threads. */
export interface TlsMaterial {
  /** The first is for clients that name no server, or one that no certificate has. */
  readonly certificates: readonly ServedCertificate[]
  readonly ticketKey: Uint8Array
  /** Undefined: the defaults. */
  readonly algorithms?: TlsAlgorithms | undefined
}

/** What one context is made of. */
export interface ContextTerms {
  readonly certificate: Certificate
  readonly ticketKey: Uint8Array
  readonly algorithms: TlsAlgorithms | undefined
  /** Authorities of clients, in PEM; empty: clients are not asked for certificates. */
  readonly authorities: string
}

/** A context, with what a connection has to know of it. */
export interface ServedContext<Context> {
  readonly context: Context
  readonly requestsCertificates: boolean
}

/** The certificates of one TLS server, chosen by server name (RFC 6066 §3) where there are several. */
export class CertificateContexts<Context> {
  private contexts: readonly ServedContext<Context>[]
  private byName: ReadonlyMap<string, ServedContext<Context>>
  private authorities = ''

  /** @param free releases a context that new connections no longer use */
  constructor(
    private material: TlsMaterial,
    private readonly create: (terms: ContextTerms) => Context,
    private readonly free: (context: Context) => void = () => undefined
  ) {
    this.contexts = this.createAll()
    this.byName = this.namesOf(this.contexts)
  }

  /** Of the first certificate. */
  get first(): ServedContext<Context> {
    return this.contexts[0]!
  }

  /** Takes other certificates and keys for the connections to come; those that are open stay. */
  replace(material: TlsMaterial): void {
    this.material = material
    const contexts = this.createAll()
    this.close()
    this.contexts = contexts
    this.byName = this.namesOf(contexts)
  }

  /** Releases the contexts. */
  close(): void {
    for (const { context } of this.contexts) this.free(context)
    this.contexts = []
  }

  /** Names these authorities when a certificate is requested of a client. RFC 8446 §4.2.4. @param authorities PEM */
  setClientAuthorities(authorities: string): void {
    if (authorities === this.authorities) return
    this.authorities = authorities
    this.replace(this.material)
  }

  get hasSeveral(): boolean {
    return this.byName.size > 0
  }

  /** What the first context is made of. */
  get terms(): ContextTerms {
    return this.termsOf(this.material.certificates[0]!)
  }

  /**
   * Undefined: the first certificate. A wildcard stands for one label: RFC 9525 §6.3.
   *
   * @param name of the client; the probe's is behind another one: `probeNameFor`
   */
  find(name: string): ServedContext<Context> | undefined {
    const lower = certificateNameOf(name.toLowerCase())
    return this.byName.get(lower) ?? this.byName.get(lower.replace(/^[^.]+/, '*'))
  }

  private termsOf(certificate: ServedCertificate): ContextTerms {
    const { ticketKey, algorithms } = this.material
    const authorities = certificate.requestsClientCertificates === true ? this.authorities : ''
    return { certificate, ticketKey, algorithms, authorities }
  }

  private createAll(): ServedContext<Context>[] {
    const contexts: ServedContext<Context>[] = []
    try {
      for (const certificate of this.material.certificates) {
        const terms = this.termsOf(certificate)
        const requestsCertificates = terms.authorities !== ''
        contexts.push({ context: this.create(terms), requestsCertificates })
      }
    } catch (error) {
      for (const { context } of contexts) this.free(context)
      throw error
    }
    return contexts
  }

  private namesOf(
    contexts: readonly ServedContext<Context>[]
  ): ReadonlyMap<string, ServedContext<Context>> {
    const byName = new Map<string, ServedContext<Context>>()
    if (contexts.length === 1) return byName
    const { certificates } = this.material
    const add = (names: readonly string[], i: number): void => {
      for (const name of names) if (!byName.has(name)) byName.set(name, contexts[i]!)
    }
    for (const [i, { serverNames }] of certificates.entries()) add(serverNames ?? [], i)
    for (const [i, { names, serverNames }] of certificates.entries())
      if (serverNames === undefined) add(names, i)
    return byName
  }
}
