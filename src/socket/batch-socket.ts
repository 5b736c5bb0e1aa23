import type { Octets } from '../base/units.js'
import {
  SLOT_OCTETS,
  type BatchHandler,
  type DatagramSocket,
  type Peer,
  type SocketCounts,
  type UpstreamSocket,
  type WayBack
} from './datagram.js'
import type { Desk } from './desk.js'
import type { Ledger } from './ledger.js'
import type { Poll, System } from './linux.js'
import * as layout from './message-memory.js'
import { BATCH, type MessageMemory } from './message-memory.js'
import { dropAllFromNow, type OpenSocket } from './open-socket.js'
import type { Turn } from './turn.js'
import type { ReceivedBatch } from './received-batch.js'
import { addressMessage, type Way } from './way.js'

/** Batches read in one turn: about 0.7 ms under full load, then TCP and timers get theirs. */
const ROUNDS = 4

/**
 * From how many datagrams in one batch the socket is taken off epoll until it is found empty. Each
 * datagram sent or received wakes the callback of an epoll that watches the socket, for nothing
 * while we are busy: 0.12 to 0.17 µs an answer. Taking it off and putting it back costs 1.4 µs.
 */
const BUSY = 16

/** Up to so many octets, a loop costs less than a view and `set`. */
const FEW: Octets = 128

/** What the sockets of one thread share. */
export interface Shop {
  readonly system: System
  readonly turn: Turn
  readonly ledger: Ledger
}

/**
 * A UDP socket that reads and writes in batches: one recvmmsg, the handler, one sendmmsg. Nothing
 * is allocated and nothing copied per datagram.
 *
 * When the send buffer is full (EAGAIN), what is left of the batch is dropped and counted: the
 * memory is needed for the next batch, 4 MB are queued already, and clients ask again.
 */
export class BatchSocket implements DatagramSocket, UpstreamSocket {
  readonly kind = 'batch'
  readonly local: { readonly address: string; readonly port: number }
  readonly counts: SocketCounts = { received: 0, sent: 0, sendErrors: 0, dropped: 0 }
  private readonly memory: MessageMemory
  private readonly batch: ReceivedBatch
  private readonly poll: Poll
  private fd: number
  private polled = true
  private reading = false
  private waiting = 0
  private onQuiet: (() => void) | undefined

  constructor(
    private readonly shop: Shop,
    socket: OpenSocket,
    private readonly desk: Desk,
    private readonly handler: BatchHandler
  ) {
    this.fd = socket.fd
    this.local = socket.local
    shop.ledger.note(this.fd)
    this.memory = desk.memory
    this.batch = desk.batch
    this.poll = shop.system.poll(this.fd, this.readable)
  }

  send(octets: Uint8Array, start: Octets, end: Octets, to: WayBack | Peer): void {
    if (this.fd < 0 || end - start > SLOT_OCTETS) {
      this.counts.sendErrors++
      return
    }
    const { memory } = this
    const i = this.waiting
    if (i === 0) this.desk.claim(this.flush)
    const at = memory.sends.starts[i]!
    if (end - start > FEW) memory.octets.set(octets.subarray(start, end), at)
    else for (let k = 0; k < end - start; k++) memory.octets[at + k] = octets[start + k]!
    memory.words[memory.sends.iovecs + i * layout.IOVEC_WORDS + layout.LENGTH] = end - start
    addressMessage(memory, i, to as Way)
    this.waiting++
    if (i === 0) this.shop.turn.flush(this.flush)
    else if (this.waiting === BATCH) this.flush()
  }

  quiesce(): Promise<void> {
    if (this.fd < 0) return Promise.resolve()
    dropAllFromNow(this.shop.system, this.fd)
    this.unpoll()
    return new Promise(resolve => {
      const before = this.onQuiet
      this.onQuiet = () => {
        before?.()
        resolve()
      }
      this.readInTurn()
    })
  }

  async drain(): Promise<void> {
    await this.quiesce()
    this.close()
  }

  close(): void {
    if (this.fd < 0) return
    this.flush()
    this.poll.close()
    this.shop.ledger.forget(this.fd)
    this.shop.system.close(this.fd)
    this.fd = -1
    this.onQuiet?.()
  }

  private readonly readable = (): void => this.readInTurn()

  private readInTurn(): void {
    if (this.reading || this.fd < 0) return
    this.reading = true
    this.shop.turn.read(this.read)
  }

  private readonly read = (): void => {
    this.reading = false
    for (let round = 0; round < ROUNDS && this.fd >= 0; round++) {
      const count = this.receive()
      if (count === 0) {
        this.pause()
        return
      }
      if (count < 0) continue
      this.counts.received += count
      if (count >= BUSY) this.unpoll()
      this.counts.dropped += this.batch.fill(count)
      this.handler(this.batch)
      this.reply(count)
      if (count < BATCH) break
    }
    // Polled, it was but a few; if more are there, epoll says so.
    if (!this.polled) this.readInTurn()
  }

  /** How many came; 0: none are left; -1: an error that a peer's ICMP caused, now read away. */
  private receive(): number {
    const { system } = this.shop
    const count = system.recvmmsg(this.fd, this.memory.received.address, BATCH, 0, 0)
    return count >= 0 ? count : system.errno() === system.eagain ? 0 : -1
  }

  /** Waits for more, or is done, if no more are to come. */
  private pause(): void {
    if (this.onQuiet !== undefined) {
      const quiet = this.onQuiet
      this.onQuiet = undefined
      quiet()
    } else if (this.fd >= 0) this.repoll()
  }

  private unpoll(): void {
    if (!this.polled) return
    this.polled = false
    this.poll.stop()
  }

  private repoll(): void {
    if (this.polled) return
    this.polled = true
    this.poll.start()
  }

  private reply(count: number): void {
    if (this.fd < 0) return
    const ready = this.batch.gatherReplies(count)
    if (ready > 0) this.transmit(this.memory.replies.address, ready)
  }

  private readonly flush = (): void => {
    const ready = this.waiting
    this.waiting = 0
    if (ready > 0 && this.fd >= 0) this.transmit(this.memory.sends.address, ready)
  }

  private transmit(address: number, count: number): void {
    const { system } = this.shop
    for (let at = 0; at < count;) {
      const sent = system.sendmmsg(this.fd, address + at * layout.HEADER, count - at, 0)
      if (sent > 0) {
        at += sent
        this.counts.sent += sent
      } else {
        // The first message failed: without room all the others would too, else only this one.
        const failed = system.errno() === system.eagain ? count - at : 1
        at += failed
        this.counts.sendErrors += failed
      }
    }
  }
}
