import { constants, createHash, type X509Certificate } from 'node:crypto'
import {
  connect,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket
} from 'node:tls'
import { failure, type InterdictError } from '../../base/error.js'
import type { UpstreamServer, UpstreamTls } from '../upstream-server.js'

/** RFC 7858 §3.1; registered for DNS over TLS by IANA, "TLS Application-Layer Protocol Negotiation". */
const ALPN_DOT = 'dot'
/** RFC 9113 §3.2. */
const ALPN_HTTP2 = 'h2'

/**
 * Opens TLS connections to one upstream, and resumes earlier sessions. A server that is not the one in the
 * settings gets nothing but the handshake. RFC 8310 §5, "Strict Privacy".
 */
export class TlsConnector {
  private readonly context: SecureContext
  private session: Buffer | undefined

  constructor(
    readonly server: UpstreamServer,
    private readonly tls: UpstreamTls
  ) {
    const { ca, client } = tls
    this.context = createSecureContext({
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      minVersion: 'TLSv1.2',
      ...(ca !== undefined && { ca }),
      ...(client !== undefined && { cert: client.certificate, key: client.key })
    })
  }

  /** Whether HTTP/2 is spoken over its connections. */
  get isHttp(): boolean {
    return this.tls.path !== undefined
  }

  /**
   * The connection is open at `secureConnect`; it is destroyed with an error if the server is another one.
   *
   * @param more a connection to the server that is being opened, or another server name
   */
  connect(more: Pick<ConnectionOptions, 'socket' | 'servername'> = {}): TLSSocket {
    const { address, port } = this.server
    const { name, opportunistic } = this.tls
    const isVerified = name !== undefined && !opportunistic
    const socket = connect({
      host: address,
      port,
      secureContext: this.context,
      ALPNProtocols: [this.isHttp ? ALPN_HTTP2 : ALPN_DOT],
      rejectUnauthorized: isVerified,
      ...(name !== undefined && { servername: name }),
      ...(this.session !== undefined && { session: this.session }),
      ...more
    })
    socket.on('session', session => (this.session = session))
    socket.prependOnceListener('secureConnect', () => {
      const error = this.protocolError(socket) ?? this.pinError(socket)
      if (error === undefined) return
      this.session = undefined
      socket.destroy(error)
    })
    // A session that the server no longer accepts must not be offered again.
    socket.once('error', () => (this.session = undefined))
    return socket
  }

  /** Servers may leave ALPN out for DNS over TLS, but not for HTTP/2. */
  private protocolError({ alpnProtocol }: TLSSocket): InterdictError | undefined {
    return !this.isHttp || alpnProtocol === ALPN_HTTP2 ? undefined : failure('UPSTREAM_ALPN')
  }

  /** The public key of any certificate in the chain may be pinned. RFC 7858 §4.2. */
  private pinError(socket: TLSSocket): InterdictError | undefined {
    const { pins, opportunistic } = this.tls
    // The chain of a resumed session was checked when it began.
    if (pins.length === 0 || opportunistic || socket.isSessionReused()) return undefined
    const found: string[] = []
    let certificate: X509Certificate | undefined = socket.getPeerX509Certificate()
    while (certificate !== undefined && !found.includes(pinOf(certificate))) {
      found.push(pinOf(certificate))
      certificate = certificate.issuerCertificate
    }
    return found.some(pin => pins.includes(pin))
      ? undefined
      : failure('UPSTREAM_PIN', found.join(' '))
  }
}

/** As `pin-sha256` has it: base64 of the SHA-256 of SubjectPublicKeyInfo. RFC 7469 §2.4. */
export function pinOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
}
