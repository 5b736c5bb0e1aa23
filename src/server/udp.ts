import type { Clock } from '../base/clock.js'
import { copyOctets } from '../base/octets.js'
import type { Milliseconds, Octets } from '../base/units.js'
import { PENDING, UDP, type ReplyTarget, type Responder } from '../resolver/responder.js'
import {
  NO_REPLY,
  SLOT_OCTETS,
  type DatagramBatch,
  type DatagramSocket,
  type Endpoint,
  type SocketCounts,
  type Transport,
  type ReplyAddress
} from '../udp/datagram.js'
import { InFlight } from './in-flight.js'
import type { QueryLimit } from './query-limit.js'
import type { ResponseLimit } from './response-limit.js'
import { CLIENT_ADDRESS, type TrustedProxies } from './trusted-proxies.js'

/** Octets that a query which waits has room for beside others; a longer one has its own. */
const ROOM: Octets = 128
/** Queries whose octets lie side by side. */
const TOGETHER = 256
/** Most of them that are kept to be used again: about what waits under full load. */
const MOST_SPARES = 4096

/** A UDP listener at work. */
export interface UdpService {
  readonly local: Endpoint
  readonly counts: SocketCounts
  /** Queries whose reply is still to come. */
  readonly inFlight: number
  /** Takes nothing new, answers what is queued and in flight, waits `grace` at most, closes. */
  drain(grace: Milliseconds): Promise<void>
  close(): void
}

/** What a UDP listener works with. */
export interface UdpOptions {
  readonly clock: Clock
  /** The listeners of a thread share this and what follows. */
  readonly proxies: TrustedProxies | undefined
  readonly queryLimit: QueryLimit | undefined
  readonly responseLimit: ResponseLimit | undefined
}

/** @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION */
export async function serveUdp(
  transport: Transport,
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
      return listener.outstanding.count
    },
    async drain(grace) {
      await socket.quiesce()
      await listener.outstanding.drained(grace)
      socket.close()
    },
    close: () => socket.close()
  }
}

class UdpListener {
  /** Set before the first datagram can arrive: that takes a turn of the event loop. */
  socket: DatagramSocket | undefined
  readonly outstanding = new InFlight()
  private readonly pool: PendingDatagram[] = []
  /** Room for those that are made next. */
  private queries = new Uint8Array(0)
  private clients = new Uint32Array(0)
  private created = 0

  constructor(
    private readonly responder: Responder,
    private readonly options: UdpOptions
  ) {}

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
      if (proxies !== undefined && proxies.addressSource(peers, clientAt) !== CLIENT_ADDRESS.peer) {
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
  }

  private beginLimits(): void {
    const { clock, queryLimit, responseLimit } = this.options
    const now = clock.now()
    queryLimit?.beginBatch(now)
    responseLimit?.beginBatch(now)
  }

  /**
   * Has the front end that sent datagram `i` say who asks; `proxies.client` is that.
   *
   * @returns the query's end; its start if it is dealt with, as the reply or silence that is its
   */
  private identifyClient(proxies: TrustedProxies, batch: DatagramBatch, i: number): Octets {
    const { octets, starts, lengths, replies, peers } = batch
    const at = starts[i]!
    const end = at + lengths[i]!
    replies[i] = NO_REPLY
    if (proxies.addressSource(peers, 4 * i) === CLIENT_ADDRESS.proxy) {
      return proxies.readProxyHeader(octets, at, end, peers, 4 * i)
    }
    if (proxies.readClientSubnet(octets, at, end, peers, 4 * i)) return end
    replies[i] = proxies.writeFormErr(octets, at, end)
    return at
  }

  /** The batch's memory is used again soon, so all that the reply needs is copied. */
  private answerLater(
    batch: DatagramBatch,
    i: number,
    end: Octets,
    words: Uint32Array,
    at: number
  ): void {
    const start = batch.starts[i]!
    const length = end - start
    const late = (length <= ROOM ? this.pool.pop() : undefined) ?? this.createPending(length)
    const { octets, client, clientAt } = late
    copyOctets(batch.octets, start, end, octets, late.start)
    for (let k = 0; k < 4; k++) client[clientAt + k] = words[at + k]!
    late.end = late.start + length
    late.way = batch.replyAddress(i, late.way)
    this.outstanding.add()
    this.responder.answerLater(late)
  }

  private createPending(length: Octets): PendingDatagram {
    if (length > ROOM)
      return new PendingDatagram(this, new Uint8Array(length), 0, new Uint32Array(4), 0)
    const place = this.created++ % TOGETHER
    if (place === 0) {
      this.queries = new Uint8Array(TOGETHER * ROOM)
      this.clients = new Uint32Array(TOGETHER * 4)
    }
    return new PendingDatagram(this, this.queries, place * ROOM, this.clients, place * 4)
  }

  /** The reply to a late one, as `ReplyTarget.reply` has it. */
  reply(late: PendingDatagram, octets: Uint8Array | undefined, start: Octets, end: Octets): void {
    if (octets !== undefined) this.sendLater(octets, start, end, late)
    if (late.end - late.start <= ROOM && this.pool.length < MOST_SPARES) this.pool.push(late)
    this.outstanding.remove()
  }

  private sendLater(octets: Uint8Array, start: Octets, end: Octets, late: PendingDatagram): void {
    const { responseLimit, clock } = this.options
    let length = end - start
    if (responseLimit !== undefined && !this.responder.hasValidCookie) {
      responseLimit.beginBatch(clock.now())
      length = responseLimit.apply(octets, start, end, late.client, late.clientAt)
    }
    if (length > 0) this.socket?.send(octets, start, start + length, late.way!)
  }
}

/**
 * A query whose reply comes later, and the way back. Used again for others. Octets of many lie side
 * by side: with an array for each, those that wait under full load did not fit into the cache of
 * the processor.
 */
class PendingDatagram implements ReplyTarget {
  readonly protocol = UDP
  end: Octets = 0
  /** Its own, once it was used: those of one listener only ever serve this. */
  way: ReplyAddress | undefined

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
