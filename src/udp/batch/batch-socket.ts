import { copyOctets } from '../../base/octets.js'
import type { Octets } from '../../base/units.js'
import {
  SLOT_OCTETS,
  type BatchHandler,
  type DatagramBatch,
  type DatagramSocket,
  type Peer,
  type SocketCounts,
  type UpstreamSocket,
  type WayBack
} from '../datagram.js'
import { dropAllFromNow, type OpenSocket } from '../open-socket.js'
import type { Ledger } from './descriptor-table.js'
import type { Poll, System } from './linux.js'
import * as layout from './message-memory.js'
import { BATCH, type MessageMemory } from './message-memory.js'
import type { ReceivedBatch } from './received-batch.js'
import { addressMessage, type Way } from './reply-address.js'
import type { Convoys } from './segmented-send.js'
import type { Desk } from './send-buffers.js'
import type { Turn } from './tick.js'

/** Batches read in one turn: about 0.7 ms under full load, then TCP and timers get theirs. */
const ROUNDS = 4

/**
 * From how many datagrams in one batch the socket is taken off epoll until it is found empty. Each
 * datagram sent or received wakes the callback of an epoll that watches the socket, for nothing
 * while we are busy: 0.12 to 0.17 µs an answer. Taking it off and putting it back costs 1.4 µs.
 */
const BUSY = 16

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
 * Where ICMP is listened to, the kernel tells of an error by failing the next call, whichever that
 * is and whatever it is for, and keeps in a queue which datagram it is about: `ErrorQueue`.
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
  /** Something is in the queue of errors. */
  private troubled = false
  private waiting = 0
  /** Where the first of what waits goes, and whether all of it goes there. */
  private first: WayBack | Peer | undefined
  private together = true
  private onQuiet: (() => void) | undefined

  constructor(
    private readonly shop: Shop,
    socket: OpenSocket,
    private readonly desk: Desk,
    private readonly handler: BatchHandler,
    private readonly undelivered?: BatchHandler
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
    copyOctets(octets, start, end, memory.octets, at)
    memory.words[memory.sends.iovecs + i * layout.IOVEC_WORDS + layout.LENGTH] = end - start
    addressMessage(memory, i, to as Way)
    if (i === 0) this.first = to
    else if (to !== this.first) this.together = false
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

  private readonly readable = (failed: boolean): void => {
    if (failed) this.troubled = true
    this.readInTurn()
  }

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

  /** How many came; 0: none are left; -1: none, but errors did. */
  private receive(): number {
    if (this.troubled) this.readErrors()
    const { system } = this.shop
    const { address } = this.memory.received
    const count = system.recvmmsg(this.fd, address, BATCH, 0, 0)
    if (count >= 0) return count
    if (system.errno() === system.eagain) return 0
    this.troubled = true
    // An error is told once; behind it may be answers, which a flood of errors must not keep back.
    return system.recvmmsg(this.fd, address, BATCH, 0, 0)
  }

  /** A batch at most; if there are more, the next call to receive fails again. */
  private readErrors(): void {
    this.troubled = false
    if (this.undelivered !== undefined) this.tell(this.desk.errors.read(this.fd))
  }

  private tell(batch: DatagramBatch): void {
    if (batch.count > 0) this.undelivered?.(batch)
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
    const { waiting: ready, together } = this
    this.waiting = 0
    this.together = true
    if (ready === 0 || this.fd < 0) return
    if (this.undelivered === undefined) this.transmit(this.memory.sends.address, ready)
    else this.transmitAndTell(ready, together)
  }

  /**
   * To upstreams, in convoys. As `transmit`, but the error that a send fails with may be that of a
   * datagram sent before.
   */
  private transmitAndTell(count: number, together: boolean): void {
    const { system } = this.shop
    const { convoys } = this.desk
    const { address, sizes, firsts } = convoys
    let end = convoys.form(count, together)
    let retried = -1
    for (let at = 0; at < end;) {
      const sent = system.sendmmsg(this.fd, address + at * layout.HEADER, end - at, 0)
      for (let i = 0; i < sent; i++) this.counts.sent += sizes[at + i]!
      if (sent > 0) {
        at += sent
        continue
      }
      const errno = system.errno()
      const apart = convoys.breakUp(at, count, errno)
      if (apart > 0) end = apart
      else if (errno === system.eagain) {
        this.counts.sendErrors += count - firsts[at]!
        break
      } else if (retried < at) retried = at
      else this.giveUp(convoys, at++, errno)
    }
    if (retried >= 0) this.tell(this.desk.errors.takeNoted())
  }

  private giveUp({ firsts, sizes, order }: Convoys, at: number, errno: number): void {
    const first = firsts[at]!
    const end = first + sizes[at]!
    for (let i = first; i < end; i++) this.desk.errors.note(this.memory, order[i]!, errno)
    this.counts.sendErrors += sizes[at]!
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
