import type { RemoteInfo, Socket } from 'node:dgram'
import { readAddress } from '../../../base/values/address.js'
import type { Octets } from '../../../base/units.js'
import {
  NO_REPLY,
  SLOT_OCTETS,
  type BatchHandler,
  type DatagramBatch,
  type DatagramSocket,
  type Endpoint,
  type Peer,
  type SocketCounts,
  type UpstreamSocket,
  type ReplyAddress
} from '../datagram.js'

/** Event loop iterations after which a socket that keeps receiving counts as drained. */
const MAX_DRAIN_ITERATIONS = 100

/** Destination of a datagram and the socket to send it from; undefined: the only socket. */
type PortableAddress = Endpoint & { readonly socket?: Socket }

/**
 * Sockets of `node:dgram` behind the batch interface: each datagram is a batch of one.
 *
 * `quiesce` cannot reject new datagrams while it delivers the queued ones; it reads until an event
 * loop iteration brings none, and ignores all datagrams from then on.
 */
export class PortableSocket implements DatagramSocket, UpstreamSocket {
  readonly kind = 'portable'
  readonly fd = undefined
  readonly counts: SocketCounts = { received: 0, sent: 0, sendErrors: 0, dropped: 0 }
  private readonly batch: SingleDatagram
  private readonly sockets: readonly Socket[]
  private isOpen = true
  private sendsInFlight = 0
  private isQuiesced = false

  constructor(
    sockets: readonly Socket[],
    readonly local: Endpoint,
    private readonly handler: BatchHandler
  ) {
    this.sockets = sockets
    this.batch = new SingleDatagram()
    for (const socket of sockets) {
      socket.on('message', (octets, peer) => this.receive(socket, octets, peer))
      // An ICMP error for an earlier datagram: nothing can be done about it.
      socket.on('error', () => this.counts.sendErrors++)
    }
  }

  send(octets: Uint8Array, start: Octets, end: Octets, to: ReplyAddress | Peer): void {
    if (end - start > SLOT_OCTETS) this.counts.sendErrors++
    else this.transmit(Buffer.from(octets.subarray(start, end)), to as PortableAddress)
  }

  async quiesce(): Promise<void> {
    for (let i = 0, seen = -1; i < MAX_DRAIN_ITERATIONS && seen !== this.counts.received; i++) {
      seen = this.counts.received
      // Twice: the first may resume before the poll phase of this iteration, the second is after it.
      await nextIteration()
      await nextIteration()
    }
    this.isQuiesced = true
  }

  /** Not shared with another process: datagrams that arrive now are lost. */
  leave(): void {
    this.isQuiesced = true
  }

  async drain(): Promise<void> {
    await this.quiesce()
    this.close()
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.isQuiesced = true
    this.closeWhenSent()
  }

  /** Waits for pending sends: Node discards them when a socket is closed. */
  private closeWhenSent(): void {
    if (!this.isOpen && this.sendsInFlight === 0) for (const socket of this.sockets) socket.close()
  }

  private receive(socket: Socket, octets: Uint8Array, peer: RemoteInfo): void {
    if (this.isQuiesced) return
    this.counts.received++
    if (octets.length > SLOT_OCTETS) {
      this.counts.dropped++
      return
    }
    const { batch } = this
    batch.set(octets, peer, socket)
    this.handler(batch)
    const length = batch.replies[0]!
    if (length !== NO_REPLY)
      this.transmit(Buffer.from(batch.octets.subarray(0, length)), batch.replyAddress())
  }

  /** Sends `octets`, which the caller must not reuse: Node may hold them until the system has room. */
  private transmit(octets: Uint8Array, { address, port, socket }: PortableAddress): void {
    if (!this.isOpen) {
      this.counts.sendErrors++
      return
    }
    const from = socket ?? this.sockets[0]!
    this.sendsInFlight++
    from.send(octets, port, address, error => {
      if (error === null) this.counts.sent++
      else this.counts.sendErrors++
      this.sendsInFlight--
      this.closeWhenSent()
    })
  }
}

class SingleDatagram implements DatagramBatch {
  readonly octets = new Uint8Array(SLOT_OCTETS)
  readonly starts = new Uint32Array(1)
  readonly lengths = new Uint32Array(1)
  readonly replies = new Uint32Array(1)
  readonly peers = new Uint32Array(4)
  readonly ports = new Uint16Array(1)
  readonly count = 1
  private sender: PortableAddress = { address: '', port: 0 }

  set(octets: Uint8Array, { address, port }: RemoteInfo, socket: Socket): void {
    this.octets.set(octets)
    this.lengths[0] = octets.length
    this.replies[0] = NO_REPLY
    this.ports[0] = port
    this.sender = { address, port, socket }
    const bits = new DataView(readAddress(address.split('%', 1)[0]!).buffer)
    for (let i = 0; i < 4; i++) this.peers[i] = bits.getUint32(4 * i)
  }

  replyAddress(): PortableAddress {
    return this.sender
  }
}

function nextIteration(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
