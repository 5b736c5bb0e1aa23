import type { Clock } from '../../base/time/clock.js'
import { copyOctets } from '../../base/bytes/octets.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { PENDING, UDP, type ReplyTarget, type Responder } from '../context/responder.js'
import {
  NO_REPLY,
  SLOT_OCTETS,
  type DatagramBatch,
  type DatagramSocket,
  type Endpoint,
  type SocketCounts,
  type ReplyAddress
} from '../../wire/sockets/datagram.js'
import type { Listen } from '../../wire/sockets/listening-sockets.js'
import { InFlight } from './in-flight.js'
import type { QueryLimit } from './query-limit.js'
import type { ResponseLimit } from './response-limit.js'
import { ADDRESS_SOURCE, type TrustedProxies } from './trusted-proxies.js'

/** Room for a pending query in a shared array; a longer one gets an array of its own. */
const POOLED_SIZE: Octets = 128
/** How many pending queries share an array. */
const PER_ARRAY = 256
/** Largest number of objects kept for reuse: about as many as are pending under full load. */
const MAX_POOL = 4096

/** A running UDP listener. */
export interface UdpService {
  readonly local: Endpoint
  readonly counts: SocketCounts
  /** Number of pending queries. */
  readonly inFlight: number
  /** Replaces the limits and trusted proxies. */
  configure(options: UdpOptions): void
  /**
   * Accepts no further queries, answers those queued and pending within `grace`, then closes.
   *
   * @param leaves leaves the queued ones to another process that has the socket, too
   */
  drain(grace: Milliseconds, leaves?: boolean): Promise<void>
  close(): void
}

export interface UdpOptions {
  readonly clock: Clock
  /** This and the following are shared by the listeners of a thread. */
  readonly proxies: TrustedProxies | undefined
  readonly queryLimit: QueryLimit | undefined
  readonly responseLimit: ResponseLimit | undefined
}

/** @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION */
export async function serveUdp(
  transport: Pick<Listen, 'bind'>,
  endpoint: Endpoint,
  responder: Responder,
  options: UdpOptions
): Promise<UdpService> {
  const listener = new UdpListener(responder, options)
  const socket = await transport.bind(endpoint, listener.handle)
  listener.socket = socket
  return {
    local: socket.local,
    counts: socket.counts,
    get inFlight() {
      return listener.inFlight.count
    },
    configure: changed => listener.configure(changed),
    async drain(grace, leaves = false) {
      if (leaves) socket.leave()
      else await socket.quiesce()
      await listener.inFlight.drained(grace)
      socket.close()
    },
    close: () => socket.close()
  }
}

class UdpListener {
  /** Set before the first datagram can arrive, which is in a later turn of the event loop. */
  socket: DatagramSocket | undefined
  readonly inFlight = new InFlight()
  private readonly pool: PendingDatagram[] = []
  /** Shared arrays for the pending queries created next. */
  private queries = new Uint8Array(0)
  private clients = new Uint32Array(0)
  private created = 0

  constructor(
    private readonly responder: Responder,
    private options: UdpOptions
  ) {}

  configure(options: UdpOptions): void {
    this.options = options
  }

  readonly handle = (batch: DatagramBatch): void => {
    const { responder, options } = this
    const { proxies, queryLimit, responseLimit } = options
    const { octets, starts, lengths, replies, peers } = batch
    responder.beginBatch()
    if (queryLimit !== undefined || responseLimit !== undefined) this.beginLimits()
    for (let i = 0; i < batch.count; i++) {
      const at = starts[i]!
      let end = at + lengths[i]!
      let client = peers
      let clientAt = 4 * i
      if (proxies !== undefined && proxies.addressSource(peers, clientAt) !== ADDRESS_SOURCE.peer) {
        end = this.identifyClient(proxies, batch, i)
        if (end === at) continue
        client = proxies.client
        clientAt = 0
      }
      if (queryLimit !== undefined && !queryLimit.allows(octets, at, end, client, clientAt)) {
        replies[i] = queryLimit.reject(octets)
        continue
      }
      const length = responder.answer(octets, at, end, SLOT_OCTETS, client, clientAt, UDP)
      if (length <= 0) replies[i] = NO_REPLY
      else if (responseLimit === undefined || responder.hasValidCookie) replies[i] = length
      else replies[i] = responseLimit.apply(octets, at, at + length, client, clientAt)
      if (length === PENDING) this.answerLater(batch, i, end, client, clientAt)
    }
    responder.endBatch()
  }

  private beginLimits(): void {
    const { clock, queryLimit, responseLimit } = this.options
    const now = clock.now()
    queryLimit?.beginBatch(now)
    responseLimit?.beginBatch(now)
  }

  /**
   * Reads the client address that a trusted proxy supplies with datagram `i` into `proxies.client`.
   *
   * @returns the end of the query; its start if there is nothing left to do but send `replies[i]`
   */
  private identifyClient(proxies: TrustedProxies, batch: DatagramBatch, i: number): Octets {
    const { octets, starts, lengths, replies, peers } = batch
    const at = starts[i]!
    const end = at + lengths[i]!
    replies[i] = NO_REPLY
    if (proxies.addressSource(peers, 4 * i) === ADDRESS_SOURCE.proxy) {
      return proxies.readProxyHeader(octets, at, end, peers, 4 * i)
    }
    if (proxies.readClientSubnet(octets, at, end, peers, 4 * i)) return end
    replies[i] = proxies.writeFormErr(octets, at, end)
    return at
  }

  /** Copies the query, since the batch's memory is about to be reused. */
  private answerLater(
    batch: DatagramBatch,
    i: number,
    end: Octets,
    words: Uint32Array,
    at: number
  ): void {
    const start = batch.starts[i]!
    const length = end - start
    const pending =
      (length <= POOLED_SIZE ? this.pool.pop() : undefined) ?? this.createPending(length)
    const { octets, client, clientAt } = pending
    copyOctets(batch.octets, start, end, octets, pending.start)
    for (let k = 0; k < 4; k++) client[clientAt + k] = words[at + k]!
    pending.end = pending.start + length
    pending.replyAddress = batch.replyAddress(i, pending.replyAddress)
    this.inFlight.add()
    this.responder.answerLater(pending)
  }

  private createPending(length: Octets): PendingDatagram {
    if (length > POOLED_SIZE)
      return new PendingDatagram(this, new Uint8Array(length), 0, new Uint32Array(4), 0)
    const index = this.created++ % PER_ARRAY
    if (index === 0) {
      this.queries = new Uint8Array(PER_ARRAY * POOLED_SIZE)
      this.clients = new Uint32Array(PER_ARRAY * 4)
    }
    return new PendingDatagram(this, this.queries, index * POOLED_SIZE, this.clients, index * 4)
  }

  /** Sends the reply to a pending query; see `ReplyTarget.reply`. */
  reply(
    pending: PendingDatagram,
    octets: Uint8Array | undefined,
    start: Octets,
    end: Octets
  ): void {
    if (octets !== undefined) this.sendLater(octets, start, end, pending)
    if (pending.end - pending.start <= POOLED_SIZE && this.pool.length < MAX_POOL)
      this.pool.push(pending)
    this.inFlight.remove()
  }

  private sendLater(
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    pending: PendingDatagram
  ): void {
    const { responseLimit, clock } = this.options
    let length = end - start
    if (responseLimit !== undefined && !this.responder.hasValidCookie) {
      responseLimit.beginBatch(clock.now())
      length = responseLimit.apply(octets, start, end, pending.client, pending.clientAt)
    }
    if (length > 0) this.socket?.send(octets, start, start + length, pending.replyAddress!)
  }
}

/**
 * A query to be answered later, with its reply address. Pooled. Many share one array for their
 * octets: with an array each, the pending queries under full load did not fit into the processor's
 * cache.
 */
class PendingDatagram implements ReplyTarget {
  readonly protocol = UDP
  readonly identity = undefined
  end: Octets = 0
  /** Reused along with this object, which always serves the same listener. */
  replyAddress: ReplyAddress | undefined

  constructor(
    private readonly listener: UdpListener,
    readonly octets: Uint8Array,
    readonly start: Octets,
    readonly client: Uint32Array,
    readonly clientAt: number
  ) {}

  reply(reply: Uint8Array | undefined, from: Octets, to: Octets): void {
    this.listener.reply(this, reply, from, to)
  }
}
