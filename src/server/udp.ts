import type { Clock } from '../base/clock.js'
import type { Milliseconds, Octets } from '../base/units.js'
import {
  NO_REPLY,
  SLOT_OCTETS,
  type DatagramBatch,
  type DatagramSocket,
  type Endpoint,
  type SocketCounts,
  type Transport,
  type WayBack
} from '../socket/datagram.js'
import { Outstanding } from './outstanding.js'
import type { QueryLimit } from './query-limit.js'
import type { ResponseLimit } from './response-limit.js'
import { LATER, UDP, type Responder } from './responder.js'

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
  /** The listeners of a thread share it; so they do the next. */
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
      await listener.outstanding.none(grace)
      socket.close()
    },
    close: () => socket.close()
  }
}

class UdpListener {
  /** Set before the first datagram can arrive: that takes a turn of the event loop. */
  socket: DatagramSocket | undefined
  readonly outstanding = new Outstanding()

  constructor(
    private readonly responder: Responder,
    private readonly options: UdpOptions
  ) {}

  readonly handle = (batch: DatagramBatch): void => {
    const { responder, options } = this
    const { queryLimit, responseLimit } = options
    const { octets, starts, lengths, replies, peers } = batch
    responder.beginBatch()
    if (queryLimit !== undefined || responseLimit !== undefined) this.beginLimits()
    for (let i = 0; i < batch.count; i++) {
      const at = starts[i]!
      const end = at + lengths[i]!
      if (queryLimit !== undefined && !queryLimit.allows(peers, 4 * i)) {
        replies[i] = queryLimit.turnAway(octets, at, end)
        continue
      }
      const length = responder.answer(octets, at, end, SLOT_OCTETS, peers, 4 * i, UDP)
      if (length <= 0) replies[i] = NO_REPLY
      else if (responseLimit === undefined) replies[i] = length
      else replies[i] = responseLimit.pass(octets, at, at + length, peers, 4 * i)
      if (length === LATER) this.answerLater(batch, i)
    }
  }

  private beginLimits(): void {
    const { clock, queryLimit, responseLimit } = this.options
    const now = clock.now()
    queryLimit?.begin(now)
    responseLimit?.begin(now)
  }

  /** The batch's memory is used again soon, so all that the reply needs is copied. */
  private answerLater(batch: DatagramBatch, i: number): void {
    const at = batch.starts[i]!
    const query = batch.octets.slice(at, at + batch.lengths[i]!)
    const client = batch.peers.slice(4 * i, 4 * i + 4)
    const way = batch.wayBack(i)
    this.outstanding.begin()
    this.responder.answerLater(query, client, UDP, (octets, start, end) => {
      if (octets !== undefined) this.sendLater(octets, start, end, client, way)
      this.outstanding.end()
    })
  }

  private sendLater(
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    client: Uint32Array,
    way: WayBack
  ): void {
    const { responseLimit, clock } = this.options
    responseLimit?.begin(clock.now())
    const length = responseLimit?.pass(octets, start, end, client, 0) ?? end - start
    if (length > 0) this.socket?.send(octets, start, start + length, way)
  }
}
