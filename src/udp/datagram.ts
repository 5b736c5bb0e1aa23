import type { Octets } from '../base/units.js'

/** Room of one datagram, received or sent; a longer query is no query. */
export const SLOT_OCTETS: Octets = 2048

/** What to do with datagram `i` of a batch: `replies[i]` is a length in octets, or this. */
export const NO_REPLY = 0

/**
 * Datagrams that arrived together. The handler writes each reply over its query, in place, and
 * says how long it is; all of them then leave together. Valid only during the handler's call.
 */
export interface DatagramBatch {
  /** All datagrams; number `i` is `octets[starts[i], starts[i] + lengths[i])` with `SLOT_OCTETS` of room. */
  readonly octets: Uint8Array
  readonly starts: Uint32Array
  /** 0 also stands for a datagram longer than a slot: it was dropped and counted; do not answer. */
  readonly lengths: Uint32Array
  /** Set by the handler for each `i` < count: length of the reply, or NO_REPLY. */
  readonly replies: Uint32Array
  /**
   * Peer addresses, four words each: words 4i..4i+3 are the 128 bits of the IPv6 address, most
   * significant first; IPv4 is mapped (0, 0, 0xffff, a.b.c.d).
   */
  readonly peers: Uint32Array
  readonly ports: Uint16Array
  count: number
  /**
   * Keeps the way back for a reply that comes later, from the local address that was asked.
   *
   * @param spare one of this socket's that is of no use any more, to be written over
   */
  replyAddress(i: number, spare?: ReplyAddress): ReplyAddress
}

/** Where a later reply goes: peer, and the local address to answer from. Opaque. */
export type ReplyAddress = object & { readonly _wayBack?: never }

/** One bound UDP socket (portable: one per address). */
export interface DatagramSocket {
  readonly kind: 'batch' | 'portable'
  /** As bound, port filled in where 0 was asked. */
  readonly local: { readonly address: string; readonly port: number }
  /** Sends at the end of this turn of the event loop, with all others of the turn. Copies. */
  send(octets: Uint8Array, start: Octets, end: Octets, to: ReplyAddress): void
  /**
   * Takes no new datagrams from now on and hands over those already queued. The socket stays open
   * for late replies until `close`.
   */
  quiesce(): Promise<void>
  /** `quiesce`, then `close`. */
  drain(): Promise<void>
  /** Sends what waits for the end of the turn, and closes at once. */
  close(): void
  readonly counts: SocketCounts
}

/** Counters for the metrics, in datagrams. */
export interface SocketCounts {
  received: number
  sent: number
  /** Not sent: the system refused, its buffer was full, or they were longer than a slot. */
  sendErrors: number
  /** Received and dropped, because they were longer than a slot. */
  dropped: number
}

export type BatchHandler = (batch: DatagramBatch) => void

/** An IP socket address; `address` may be a wildcard (`0.0.0.0`, `::`). */
export type Endpoint = { readonly address: string; readonly port: number }

/** Peer of a client-side socket (towards upstreams). */
export interface UpstreamSocket {
  /** Queues a datagram to `peer`, sent at the end of this turn of the event loop. Copies. */
  send(octets: Uint8Array, start: Octets, end: Octets, peer: Peer): void
  readonly local: Endpoint
  close(): void
}
/** A destination made once and used for many sends. Opaque. */
export type Peer = object & { readonly _peer?: never }

/** Makes sockets of one kind. Both kinds pass the same contract suite. */
export interface Transport {
  readonly kind: 'batch' | 'portable'
  /** Whether several threads can listen on one port (SO_REUSEPORT). */
  readonly sharesPorts: boolean
  /** @throws InterdictError SOCKET_BIND with address and system error, SOCKET_PERMISSION */
  bind(endpoint: Endpoint, handler: BatchHandler): Promise<DatagramSocket>
  /**
   * A socket for asking upstreams, on a random port (RFC 5452 §4.5) of our choice. Replies go to
   * `handler` in batches, in which `replies` has no meaning.
   *
   * @param undelivered told of datagrams sent that will not arrive, as the network says by ICMP, or
   *   our own system: what is quoted of each from its start (length 0: nothing), and to whom it
   *   went. May be called from within `send`, and must not send. Never called by the portable kind:
   *   `node:dgram` does not know such things.
   * @throws InterdictError SOCKET_BIND
   */
  open(family: 4 | 6, handler: BatchHandler, undelivered?: BatchHandler): Promise<UpstreamSocket>
  peer(endpoint: Endpoint): Peer
  /**
   * Options for `net.Server.listen` that listen on this endpoint, shared with other threads where
   * possible. Which port 0 became, `net.Server.address()` tells.
   *
   * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
   */
  tcpListen(endpoint: Endpoint): Promise<TcpListenOptions>
  /**
   * Binds UDP and TCP once without sharing and closes again, so that a port held by another
   * program, or by another process of ours, is found out: with SO_REUSEPORT both would bind it in
   * silence. Called by one thread before any thread binds. Port 0 is always free.
   *
   * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
   */
  probe(endpoint: Endpoint): Promise<void>
}
export type TcpListenOptions =
  | { readonly fd: number }
  | {
      readonly host: string
      readonly port: number
      readonly ipv6Only: boolean
      readonly reusePort?: boolean
    }
