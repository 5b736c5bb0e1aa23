import * as tls from 'node:tls'
import { newClientContext, type ClientCertificate } from './client-context.js'
import { tlsLoop, type TlsLoop } from './tls-loop.js'

/** What connections to the same server share. */
export interface DirectClient {
  readonly loop: TlsLoop
  /** Of OpenSSL. Its creator frees it when no further connection begins. */
  readonly context: number
}

/**
 * For clients that use OpenSSL itself, or why they cannot.
 *
 * @param authorities to trust, in PEM; undefined: those that Node.js trusts; empty: none
 */
export function directClient(
  authorities: string | undefined,
  client: ClientCertificate | undefined
): DirectClient | string {
  const loop = tlsLoop()
  if (typeof loop === 'string') return loop
  const problem = directClientProblem(authorities)
  if (problem !== undefined) return problem
  const trusted = authorities ?? getCACertificates!('default').join('\n')
  return { loop, context: newClientContext(loop.openSsl, trusted, client) }
}

/** Those built in, or of the system, and `NODE_EXTRA_CA_CERTS`. */
const { getCACertificates } = tls as Partial<{ getCACertificates(kind: string): string[] }>

/** @param authorities see `directClient` */
export function directClientProblem(authorities: string | undefined): string | undefined {
  return authorities === undefined && getCACertificates === undefined
    ? 'Node.js lists the authorities that it trusts from version 22.15 on: use it, or name a ca'
    : undefined
}
