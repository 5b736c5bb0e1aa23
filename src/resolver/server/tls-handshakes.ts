import type { Milliseconds } from '../../base/units.js'
import type { TlsMaterial } from '../../wire/tls/certificate-contexts.js'
import type { Recognition } from './client-recognizer.js'
import type { TlsLoop } from '../../wire/tls/openssl/tls-loop.js'
import type { RawSocket } from './connection-source.js'
import { ConnectionsByClient, type ClientKeys } from './connections-by-client.js'
import { RECORD } from './doh/reply-frames.js'
import { createTlsServer, type OnSecure, type TlsServer } from './tls-server.js'

/** Limits for TLS handshakes of one listener. */
export interface TlsLimits {
  /** From the start of the connection. */
  readonly timeout: Milliseconds
  /** Further connections replace one of the heaviest client, or are closed at once and counted. */
  readonly inProgress: number
}

export interface TlsCounts {
  /** Completed handshakes, resumed ones included. */
  handshakes: number
  resumed: number
  /** The client sent something else than TLS, no version, cipher or protocol in common, or went away. */
  failed: number
  timedOut: number
  /** Closed to make room for a client with fewer handshakes in progress. */
  evicted: number
  /** Closed at once: too many handshakes in progress. */
  refused: number
}

export const NO_HANDSHAKES: Readonly<TlsCounts> = {
  handshakes: 0,
  resumed: 0,
  failed: 0,
  timedOut: 0,
  evicted: 0,
  refused: 0
}

/** DNS over TLS, RFC 7858, or over HTTPS, RFC 8484. */
export interface TlsListenOptions {
  readonly material: TlsMaterial
  readonly limits: TlsLimits
  /** Path of DNS over HTTPS; undefined: DNS over TLS. */
  readonly dohPath?: string | undefined
  /** Undefined: clients are identified by their addresses. */
  readonly recognition?: Recognition | undefined
}

/** Registered for ALPN by RFC 7858 §7.2. */
const ALPN_DOT = ['dot']
/** RFC 9113 §3.2; HTTP/1.1 only to be told in words of its own that it is not served. */
const ALPN_DOH = ['h2', 'http/1.1']

/** Puts TLS on the connections of one listener. */
export class TlsHandshakes {
  readonly counts: TlsCounts = { ...NO_HANDSHAKES }
  private readonly inProgress = new Set<RawSocket>()
  private readonly byClient = new ConnectionsByClient<RawSocket>()

  constructor(
    private readonly server: TlsServer,
    private readonly maxInProgress: number
  ) {}

  /** Takes other certificates and ticket keys for the handshakes to come. */
  replace(material: TlsMaterial): void {
    this.server.replace(material)
  }

  /** Requests certificates of clients from now on; empty: requests none. @param authorities PEM */
  setClientAuthorities(authorities: string): void {
    this.server.setClientAuthorities(authorities)
  }

  /**
   * Begins a handshake, perhaps a little later. A connection that fails is closed. Above the limit, the oldest handshake
   * of the heaviest client makes room.
   *
   * @param keys undefined: does not have to make room for others
   */
  start(raw: RawSocket, keys: ClientKeys | undefined, onSecure: OnSecure): void {
    if (this.inProgress.size >= this.maxInProgress && !this.makeRoom(keys)) {
      this.counts.refused++
      raw.destroy()
      return
    }
    this.inProgress.add(raw)
    if (keys !== undefined) this.byClient.add(raw, keys)
    this.server.begin(raw, (stream, isResumed) => {
      this.end(raw)
      if (stream === undefined) this.counts.failed++
      else {
        this.counts.handshakes++
        if (isResumed) this.counts.resumed++
      }
      onSecure(stream, isResumed)
    })
  }

  /** @returns whether there is room */
  private makeRoom(keys: ClientKeys | undefined): boolean {
    const [oldest] = this.byClient.heaviest(keys) ?? []
    if (oldest === undefined) return false
    this.counts.evicted++
    // A socket of Node reports later that it is closed.
    this.end(oldest)
    oldest.destroy()
    return true
  }

  private end(raw: RawSocket): void {
    this.inProgress.delete(raw)
    this.byClient.delete(raw)
  }

  /** No connection is given to `start` afterwards. */
  close(): void {
    this.server.close()
  }
}

/** @param loop to use OpenSSL directly; undefined: by `node:tls` */
export function createHandshakes(tls: TlsListenOptions, loop: TlsLoop | undefined): TlsHandshakes {
  const { material, limits, dohPath, recognition } = tls
  const alpn = dohPath === undefined ? ALPN_DOT : ALPN_DOH
  const record = dohPath === undefined ? undefined : RECORD
  const server = createTlsServer(material, alpn, record, loop)
  const handshakes = new TlsHandshakes(server, limits.inProgress)
  handshakes.setClientAuthorities(recognition?.recognizer.authorities ?? '')
  return handshakes
}
