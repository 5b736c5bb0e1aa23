import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Octets } from '../../base/units.js'
import type { TlsMaterial } from '../../wire/tls/certificate-contexts.js'
import { DirectSocket } from '../../wire/tls/openssl/direct-socket.js'
import { ACCEPTED_PER_TURN } from '../../wire/tls/openssl/direct-listener.js'
import { forgetKeyShare } from '../../wire/tls/openssl/forget-key-share.js'
import { OpenSslContexts } from '../../wire/tls/openssl/openssl-contexts.js'
import type { TlsLoop } from '../../wire/tls/openssl/tls-loop.js'
import { TlsStream } from '../../wire/tls/openssl/tls-stream.js'
import { ServerContexts, type ChooseContext } from '../../wire/tls/server-contexts.js'
import type { ClientTlsStream } from './client-recognizer.js'
import { nodeSocketOf, type RawSocket } from './connection-source.js'
import { TlsSocketStream } from './socket-stream.js'

/** Called at the end of a handshake. @param stream undefined: it failed, and the connection is closed */
export type OnSecure = (stream: ClientTlsStream | undefined, isResumed: boolean) => void

/** Puts TLS on connections. */
export interface TlsServer {
  /** Takes other certificates and ticket keys for the handshakes to come. */
  replace(material: TlsMaterial): void
  /** Requests certificates of clients from now on; empty: requests none. @param authorities PEM */
  setClientAuthorities(authorities: string): void
  /** Perhaps a little later. */
  begin(raw: RawSocket, onSecure: OnSecure): void
  /** When no handshake is in progress any more. */
  close(): void
}

/**
 * @param protocols that clients may ask for by ALPN, in order of preference; they need not ask
 * @param record longest TLS record to send; undefined: as long as possible
 * @param loop to use OpenSSL directly; undefined: by `node:tls`
 */
export function createTlsServer(
  material: TlsMaterial,
  protocols: readonly string[],
  record: Octets | undefined,
  loop: TlsLoop | undefined
): TlsServer {
  // RFC 7301 §3.1: each protocol with its length in front.
  const names = protocols.map(name => String.fromCharCode(name.length) + name)
  const alpn = Buffer.from(names.join(''), 'latin1')
  return loop === undefined
    ? new NodeTlsServer(material, alpn, record)
    : new OpenSslServer(loop, material, alpn, record)
}

class NodeTlsServer implements TlsServer {
  private readonly contexts: ServerContexts
  private readonly queue: (() => void)[] = []

  constructor(
    material: TlsMaterial,
    private readonly alpn: Buffer,
    private readonly record: Octets | undefined
  ) {
    this.contexts = new ServerContexts(material)
  }

  replace(material: TlsMaterial): void {
    this.contexts.replace(material)
  }

  setClientAuthorities(authorities: string): void {
    this.contexts.setClientAuthorities(authorities)
  }

  begin(raw: RawSocket, onSecure: OnSecure): void {
    if (this.queue.length === 0) setImmediate(this.next)
    this.queue.push(() => this.shake(nodeSocketOf(raw), onSecure))
  }

  private readonly next = (): void => {
    for (const shake of this.queue.splice(0, ACCEPTED_PER_TURN)) shake()
    if (this.queue.length > 0) setImmediate(this.next)
  }

  private shake(raw: Socket, onSecure: OnSecure): void {
    if (raw.destroyed) {
      onSecure(undefined, false)
      return
    }
    const { context, requestsCertificates: requestCert } = this.contexts.first
    const SNICallback: ChooseContext = (name, done) => {
      const found = this.contexts.find(name)
      if (found !== undefined) requestCertificate(socket, found.requestsCertificates)
      done(null, found?.context)
    }
    // The rules decide whose certificate it is; a client with another one is identified by its address.
    const asked = requestCert ? { requestCert, rejectUnauthorized: false } : {}
    const options = { isServer: true, secureContext: context, ALPNProtocols: this.alpn, ...asked }
    const socket = new TLSSocket(raw, {
      ...options,
      ...(this.contexts.hasSeveral && { SNICallback })
    })
    const fail = (): void => onSecure(undefined, false)
    const destroy = (): void => {
      socket.destroy()
    }
    socket.once('close', fail).on('error', destroy).on('end', destroy)
    socket.once('secure', () => {
      socket.off('close', fail).off('error', destroy).off('end', destroy)
      if (this.record !== undefined) socket.setMaxSendFragment(this.record)
      onSecure(new TlsSocketStream(socket, raw), socket.isSessionReused())
    })
  }

  close(): void {
    // Garbage collection does it.
  }
}

/**
 * Sets whether the handshake in progress requests a certificate of the client. Node decides that before the server
 * name is known and has no public function to change it; without its own one, the first certificate's setting stays.
 */
function requestCertificate(socket: TLSSocket, isRequested: boolean): void {
  const { _handle } = socket as unknown as {
    readonly _handle?: { setVerifyMode?(isRequested: boolean, isRequired: boolean): void }
  }
  _handle?.setVerifyMode?.(isRequested, false)
}

/** With OpenSSL itself: see `TlsStream`. */
class OpenSslServer implements TlsServer {
  private readonly server: OpenSslContexts
  /** For connections of which Node has read something: behind a PROXY header. */
  private node: NodeTlsServer | undefined
  private authorities = ''

  constructor(
    private readonly loop: TlsLoop,
    private material: TlsMaterial,
    private readonly alpn: Buffer,
    private readonly record: Octets | undefined
  ) {
    this.server = new OpenSslContexts(loop.openSsl, material, alpn, record)
  }

  replace(material: TlsMaterial): void {
    this.server.contexts.replace(material)
    this.material = material
    this.node = undefined
  }

  setClientAuthorities(authorities: string): void {
    this.server.contexts.setClientAuthorities(authorities)
    this.authorities = authorities
    this.node = undefined
  }

  begin(raw: RawSocket, onSecure: OnSecure): void {
    if (!(raw instanceof DirectSocket)) this.fallback.begin(raw, onSecure)
    else this.beginDirectly(raw, onSecure)
  }

  private beginDirectly(raw: DirectSocket, onSecure: OnSecure): void {
    const { openSsl } = this.loop
    let connection: number
    try {
      connection = openSsl.newConnection(this.server.contexts.first.context)
    } catch {
      // No memory, as a rule.
      raw.destroy()
      onSecure(undefined, false)
      return
    }
    openSsl.setServer(connection)
    const stream = new TlsStream(this.loop, raw, raw.fd, connection, isSecure => {
      if (!isSecure) return onSecure(undefined, false)
      forgetKeyShare(openSsl, connection)
      onSecure(stream, stream.isResumed)
    })
  }

  close(): void {
    this.server.close()
  }

  private get fallback(): NodeTlsServer {
    if (this.node === undefined) {
      this.node = new NodeTlsServer(this.material, this.alpn, this.record)
      this.node.setClientAuthorities(this.authorities)
    }
    return this.node
  }
}
