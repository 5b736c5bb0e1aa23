import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Milliseconds } from '../base/units.js'
import type { ServerContexts, TlsMaterial } from '../tls/server-contexts.js'

/** Limits for TLS handshakes of one listener. */
export interface TlsLimits {
  /** From the start of the connection. */
  readonly timeout: Milliseconds
  /** Further connections are closed at once and counted. */
  readonly inProgress: number
}

export interface TlsCounts {
  /** Completed handshakes, resumed ones included. */
  handshakes: number
  resumed: number
  /** The client sent something else than TLS, no version, cipher or protocol in common, or went away. */
  failed: number
  timedOut: number
  /** Closed at once: too many handshakes in progress. */
  refused: number
}

/**
 * Handshakes begun in one turn of the event loop. A full handshake takes the processor as long as a hundred
 * queries: more at once would delay queries that the thread answers over UDP.
 */
const PER_TURN = 4

/** A connection before its handshake. */
interface Pending {
  readonly raw: Socket
  readonly onSecure: (socket: TLSSocket) => void
}

/** Puts TLS on the connections of one listener. */
export class TlsHandshakes {
  readonly counts: TlsCounts = { handshakes: 0, resumed: 0, failed: 0, timedOut: 0, refused: 0 }
  private readonly queue: Pending[] = []
  private inProgress = 0
  private isScheduled = false
  /** RFC 7301 §3.1: each protocol with its length in front. */
  private readonly alpn: Buffer

  /** @param protocols that clients may ask for by ALPN, in order of preference; they need not ask */
  constructor(
    private readonly contexts: ServerContexts,
    private readonly maxInProgress: number,
    protocols: readonly string[]
  ) {
    const names = protocols.map(name => String.fromCharCode(name.length) + name)
    this.alpn = Buffer.from(names.join(''), 'latin1')
  }

  /** Takes other certificates and ticket keys for the handshakes to come. */
  replace(material: TlsMaterial): void {
    this.contexts.replace(material)
  }

  /** Requests certificates of clients from now on; empty: requests none. @param authorities PEM */
  setClientAuthorities(authorities: string): void {
    this.contexts.setClientAuthorities(authorities)
  }

  /** Begins a handshake, perhaps a little later. A connection that fails is closed. */
  start(raw: Socket, onSecure: (socket: TLSSocket) => void): void {
    if (this.inProgress >= this.maxInProgress) {
      this.counts.refused++
      raw.destroy()
      return
    }
    this.inProgress++
    this.queue.push({ raw, onSecure })
    this.schedule()
  }

  private schedule(): void {
    if (this.isScheduled || this.queue.length === 0) return
    this.isScheduled = true
    setImmediate(this.next)
  }

  private readonly next = (): void => {
    this.isScheduled = false
    for (const pending of this.queue.splice(0, PER_TURN)) this.shake(pending)
    this.schedule()
  }

  private shake({ raw, onSecure }: Pending): void {
    const ended = (): void => {
      this.inProgress--
      this.counts.failed++
    }
    if (raw.destroyed) return ended()
    const { context, chooseContext: SNICallback, requestsCertificates: requestCert } = this.contexts
    const named = SNICallback === undefined ? {} : { SNICallback }
    // The rules decide whose certificate it is; a client with another one is identified by its address.
    const asked = requestCert ? { requestCert, rejectUnauthorized: false } : {}
    const options = { isServer: true, secureContext: context, ALPNProtocols: this.alpn }
    const socket = new TLSSocket(raw, { ...options, ...named, ...asked })
    const destroy = (): void => {
      socket.destroy()
    }
    socket.once('close', ended).on('error', destroy).on('end', destroy)
    socket.once('secure', () => {
      socket.off('close', ended).off('error', destroy).off('end', destroy)
      this.inProgress--
      this.counts.handshakes++
      if (socket.isSessionReused()) this.counts.resumed++
      onSecure(socket)
    })
  }
}
