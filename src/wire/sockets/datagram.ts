import type { Octets } from '../../base/units.js'
import type { SourcePorts } from './source-ports.js'

/** Buffer size per datagram, received or sent; no valid query over UDP is longer. */
export const SLOT_OCTETS: Octets = 2048

/** Value of `DatagramBatch.replies[i]` when datagram `i` gets no reply now. */
export const NO_REPLY = 0

/**
 * Datagrams received together. The handler writes each reply over its query, in place, and sets
 * its length; all replies are then sent together. Valid only during the handler's call.
 */
export interface DatagramBatch {
  /** All datagrams: number `i` is `octets[starts[i], starts[i] + lengths[i])`, in a slot of `SLOT_OCTETS`. */
  readonly octets: Uint8Array
  readonly starts: Uint32Array
  /** 0 also marks a datagram longer than a slot, which was dropped and counted: do not reply. */
  readonly lengths: Uint32Array
  /** Set by the handler for each `i` < count: length of the reply in octets, or NO_REPLY. */
  readonly replies: Uint32Array
  /**
   * Peer addresses, four words each: words 4i..4i+3 are the 128 bits of the IPv6 address, most
   * significant first; IPv4 is mapped (0, 0, 0xffff, a.b.c.d).
   */
  readonly peers: Uint32Array
  readonly ports: Uint16Array
  count: number
  /**
   * The address for a reply that is sent later; it leaves from the local address that the query
   * was sent to.
   *
   * @param spare an unused reply address of this socket, to be overwritten
   */
  replyAddress(i: number, spare?: ReplyAddress): ReplyAddress
}

/** Destination of a late reply: the peer, and the local address to send from. Opaque. */
export type ReplyAddress = object & { readonly _replyAddress?: never }

/** One bound UDP socket (portable: one per address). */
export interface DatagramSocket {
  readonly kind: 'batch' | 'portable'
  /** The file descriptor; undefined: unknown. */
  readonly fd: number | undefined
  /** The bound address, with the port that the system chose for port 0. */
  readonly local: { readonly address: string; readonly port: number }
  /** Queues a copy, sent at the end of this event loop iteration together with all others. */
  send(octets: Uint8Array, start: Octets, end: Octets, to: ReplyAddress): void
  /**
   * Stops accepting datagrams and delivers those already in the receive queue. The socket stays
   * open for late replies until `close`.
   */
  quiesce(): Promise<void>
  /**
   * Stops reading: datagrams in the receive queue are for another process that has this socket, too. It stays
   * open for late replies until `close`.
   */
  leave(): void
  /** `quiesce`, then `close`. */
  drain(): Promise<void>
  /** Sends what is queued and closes immediately. */
  close(): void
  readonly counts: SocketCounts
}

/** Datagram counters for the metrics. */
export interface SocketCounts {
  received: number
  sent: number
  /** Not sent: rejected by the system, send buffer full, or longer than a slot. */
  sendErrors: number
  /** Received and dropped because they were longer than a slot. */
  dropped: number
}

export type BatchHandler = (batch: DatagramBatch) => void

/** An IP socket address; `address` may be a wildcard (`0.0.0.0`, `::`). */
export type Endpoint = { readonly address: string; readonly port: number }

/** A client-side socket, towards upstreams. */
export interface UpstreamSocket {
  /** Queues a copy for `peer`, sent at the end of this event loop iteration. */
  send(octets: Uint8Array, start: Octets, end: Octets, peer: Peer): void
  readonly local: Endpoint
  close(): void
}
/** A prepared destination, made once and used for many sends. Opaque. */
export type Peer = object & { readonly _peer?: never }

/** Creates sockets of one kind. Both kinds pass the same contract suite. */
export interface Transport {
  readonly kind: 'batch' | 'portable'
  /** Whether several threads can listen on one port (SO_REUSEPORT). */
  readonly sharesPorts: boolean
  /**
   * @param inherited descriptor of a socket that another process has bound to the endpoint; of the batch
   *   kind only
   * @throws InterdictError SOCKET_BIND with address and system error, SOCKET_PERMISSION
   */
  bind(endpoint: Endpoint, handler: BatchHandler, inherited?: number): Promise<DatagramSocket>
  /**
   * Opens a socket for queries to upstreams at once, on a random one of `ports` (RFC 5452 §4.5).
   * Responses go to `handler` in batches whose `replies` are ignored.
   *
   * @param undelivered receives datagrams that an ICMP error or a failed send reports as
   *   undeliverable: the start of each as far as it was quoted (length 0: none of it), and the peer
   *   it was sent to. May be called from within `send`, and must not send. The portable kind never
   *   calls it: `node:dgram` does not report such errors.
   * @param ports by default all that the settings allow by default
   * @throws InterdictError SOCKET_BIND
   */
  open(
    family: 4 | 6,
    handler: BatchHandler,
    undelivered?: BatchHandler,
    ports?: SourcePorts
  ): UpstreamSocket
  peer(endpoint: Endpoint): Peer
  /**
   * Options for `net.Server.listen` on this endpoint, shared with other threads where possible. For
   * port 0, `net.Server.address()` has the chosen port, or `local`.
   *
   * @param inherited as for `bind`
   * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
   */
  tcpListen(endpoint: Endpoint, inherited?: number): Promise<TcpListenOptions>
  /**
   * Binds UDP and TCP once without sharing and closes them again, to detect a port in use by
   * another program or another Interdict process: with SO_REUSEPORT both would silently share it.
   * One thread calls this before any thread binds. Port 0 is always free.
   *
   * @param isStream only TCP is needed: another program may have the port for UDP, such as DNS over QUIC
   * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
   */
  probe(endpoint: Endpoint, isStream?: boolean): Promise<void>
}
export type TcpListenOptions =
  | { readonly fd: number; readonly local: Endpoint }
  | {
      readonly host: string
      readonly port: number
      readonly ipv6Only: boolean
      readonly reusePort?: boolean
    }
