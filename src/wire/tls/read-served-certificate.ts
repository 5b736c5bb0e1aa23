import type { X509Certificate } from 'node:crypto'
import { connect, type ConnectionOptions } from 'node:tls'
import type { Milliseconds } from '../../base/units.js'
import type { TrustContext } from './trusting-context.js'

/** The certificate that a TLS server has sent. */
export interface ServedCertificate {
  readonly certificate: X509Certificate
  /** Why its chain is not trusted, as OpenSSL's code; undefined: it is. */
  readonly chainError: string | undefined
}

export interface HandshakeOptions {
  /** That is connected, or is being; it is closed. */
  readonly socket: NonNullable<ConnectionOptions['socket']>
  /** SNI; undefined: none. */
  readonly servername: string | undefined
  /** For ALPN. */
  readonly protocols: readonly string[]
  /** Authorities that are trusted. */
  readonly context: TrustContext
}

/** Makes a TLS handshake; never resumes a session, since then no certificate is sent. @returns an error: it failed */
export function readServedCertificate(
  { socket, servername, protocols, context }: HandshakeOptions,
  timeout: Milliseconds
): Promise<ServedCertificate | Error> {
  return new Promise(resolve => {
    const tls = connect({
      ...{ socket, secureContext: context, ALPNProtocols: [...protocols] },
      // The caller judges, to report each reason.
      ...{ rejectUnauthorized: false, checkServerIdentity: () => undefined },
      ...(servername !== undefined && { servername })
    })
    const timer = setTimeout(() => end(new Error(`not finished within ${timeout} ms`)), timeout)
    const end = (result: ServedCertificate | Error): void => {
      clearTimeout(timer)
      tls.destroy()
      socket.destroy()
      resolve(result)
    }
    socket.on('error', end)
    tls.on('error', end)
    tls.once('close', () => end(new Error('the server closed the connection')))
    tls.once('secureConnect', () => {
      const certificate = tls.getPeerX509Certificate()
      if (certificate === undefined) return end(new Error('no certificate'))
      // In spite of its type, OpenSSL's code.
      const error = tls.authorizationError as unknown as string | null | undefined
      end({ certificate, chainError: error ?? undefined })
    })
  })
}
