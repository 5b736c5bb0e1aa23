import { constants, createHash, type X509Certificate } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket
} from 'node:tls'
import { failure } from '../../../base/errors/error.js'
import { directClient, type DirectClient } from '../../../wire/tls/openssl/direct-client.js'
import { TlsClient } from '../../../wire/tls/openssl/tls-client.js'
import type { ConnectionSocket } from './upstream-connection.js'
import {
  isVerified,
  type UpstreamServer,
  type UpstreamTls
} from '../../../wire/sockets/upstream-server.js'

/** RFC 7858 §3.1; registered for DNS over TLS by IANA, "TLS Application-Layer Protocol Negotiation". */
const ALPN_DOT = 'dot'
/** RFC 9113 §3.2. */
const ALPN_HTTP2 = 'h2'

/** Who a server turned out to be. */
interface PeerIdentity {
  /** Its session was resumed: the rest was checked when that began. */
  readonly isResumed: boolean
  /** The certificates that it has sent, its own first. */
  readonly peerChain: readonly X509Certificate[]
}

/**
 * Opens TLS connections to one upstream, and resumes earlier sessions. A server that is not the one in the
 * settings gets nothing but the handshake. RFC 8310 §5, "Strict Privacy".
 */
export class TlsConnector {
  /** Undefined: `node:tls` is used. */
  private readonly direct: DirectClient | undefined
  private context: SecureContext | undefined
  private session: Buffer | undefined

  /** @param isDirect whether OpenSSL is to be used directly, where it is possible */
  constructor(
    readonly server: UpstreamServer,
    private readonly tls: UpstreamTls,
    isDirect = false
  ) {
    const { ca, client } = tls
    const direct = isDirect ? directClient(isVerified(tls) ? ca : '', client) : undefined
    this.direct = typeof direct === 'string' ? undefined : direct
  }

  /** Whether HTTP/2 is spoken over its connections. */
  get isHttp(): boolean {
    return this.tls.path !== undefined
  }

  private get protocol(): string {
    return this.isHttp ? ALPN_HTTP2 : ALPN_DOT
  }

  /** The connection is open at `secureConnect`; it is destroyed with an error if the server is another one. */
  open(): ConnectionSocket {
    const { direct, server, session } = this
    if (direct === undefined) return this.connect()
    const { name } = this.tls
    const socket = connectTcp({ host: server.address, port: server.port, noDelay: true })
    const request = { serverName: name, protocol: this.protocol, session }
    return this.watch(new TlsClient(direct, socket, request, client => this.checkPeer(client)))
  }

  /**
   * As `open`, always with `node:tls`.
   *
   * @param more a connection to the server that is being opened, or another server name
   */
  connect(more: Pick<ConnectionOptions, 'socket' | 'servername'> = {}): TLSSocket {
    const { address, port } = this.server
    const { name, ca, client } = this.tls
    this.context ??= createSecureContext({
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      minVersion: 'TLSv1.2',
      ...(ca !== undefined && { ca }),
      ...(client !== undefined && { cert: client.certificate, key: client.key })
    })
    const socket = connect({
      host: address,
      port,
      secureContext: this.context,
      ALPNProtocols: [this.protocol],
      rejectUnauthorized: isVerified(this.tls),
      ...(name !== undefined && { servername: name }),
      ...(this.session !== undefined && { session: this.session }),
      ...more
    })
    socket.setNoDelay(true)
    socket.prependOnceListener('secureConnect', () => {
      const error =
        this.protocolError(socket.alpnProtocol === ALPN_HTTP2) ??
        this.pinError(new NodePeer(socket))
      if (error !== undefined) socket.destroy(error)
    })
    return this.watch(socket)
  }

  /** Frees what its connections share, when none is open. It opens no more. */
  close(): void {
    const { direct } = this
    direct?.loop.openSsl.freeContext(direct.context)
  }

  private watch<Socket extends ConnectionSocket>(socket: Socket): Socket {
    socket.on('session', (session: Buffer) => (this.session = session))
    // A session that the server no longer accepts must not be offered again.
    socket.once('error', () => (this.session = undefined))
    return socket
  }

  /** What `node:tls` checks, and the pins. */
  private checkPeer(client: TlsClient): Error | undefined {
    const { name } = this.tls
    if (isVerified(this.tls)) {
      const { verifyError } = client
      if (verifyError !== undefined) return new Error(verifyError)
      const certificate = client.peerChain[0]?.toLegacyObject()
      const error = client.isResumed ? undefined : checkServerIdentity(name!, certificate!)
      if (error !== undefined) return error
    }
    return this.protocolError(client.isHttp2) ?? this.pinError(client)
  }

  /** Servers may leave ALPN out for DNS over TLS, but not for HTTP/2. */
  private protocolError(isHttp2: boolean): Error | undefined {
    return !this.isHttp || isHttp2 ? undefined : failure('UPSTREAM_ALPN')
  }

  /**
   * The public key of the server, or of an authority that has signed its certificate, may be pinned: RFC 7858 §4.2.
   * Anybody can send a certificate along; so each has to be signed by the next one.
   */
  private pinError(peer: PeerIdentity): Error | undefined {
    const { pins, opportunistic } = this.tls
    if (pins.length === 0 || opportunistic || peer.isResumed) return undefined
    const { peerChain } = peer
    const found: string[] = []
    for (const [i, certificate] of peerChain.entries()) {
      if (i > 0 && !isSignedBy(peerChain[i - 1]!, certificate)) break
      found.push(pinOf(certificate))
    }
    return found.some(pin => pins.includes(pin))
      ? undefined
      : failure('UPSTREAM_PIN', found.join(' '))
  }
}

/** The peer of a connection with `node:tls`. */
class NodePeer implements PeerIdentity {
  constructor(private readonly socket: TLSSocket) {}

  get isResumed(): boolean {
    return this.socket.isSessionReused()
  }

  /** Only once: Node.js takes the first certificate off OpenSSL's own list. */
  get peerChain(): readonly X509Certificate[] {
    const chain: X509Certificate[] = []
    let certificate = this.socket.getPeerX509Certificate()
    for (; certificate !== undefined; certificate = certificate.issuerCertificate)
      chain.push(certificate)
    return chain
  }
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** As `pin-sha256` has it: base64 of the SHA-256 of SubjectPublicKeyInfo. RFC 7469 §2.4. */
export function pinOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
}
