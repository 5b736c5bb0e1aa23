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
  type ReplyAddress
} from '../datagram.js'
import { dropIncoming, type BoundSocket } from './bind-socket.js'
import { setDestination, type DatagramAddress } from './datagram-address.js'
import type { DescriptorTable } from './descriptor-table.js'
import type { Poll, System } from './linux.js'
import * as layout from './message-buffers.js'
import { BATCH, type MessageBuffers } from './message-buffers.js'
import type { ReceivedBatch } from './received-batch.js'
import type { SegmentedSend } from './segmented-send.js'
import type { SendBuffers } from './send-buffers.js'
import type { Tick } from './tick.js'

/** Batches read in one turn: about 0.7 ms under full load, then TCP and timers get theirs. */
const MAX_BATCHES_PER_TICK = 4

/**
 * From how many datagrams in one batch the socket is taken off epoll until it is found empty. Each
 * datagram sent or received wakes the callback of an epoll that watches the socket, for nothing
 * while we are busy: 0.12 to 0.17 µs an answer. Taking it off and putting it back costs 1.4 µs.
 */
const BUSY_BATCH = 16

/** What the sockets of one thread share. */
export interface SocketContext {
  readonly system: System
  readonly tick: Tick
  readonly descriptors: DescriptorTable
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
  private readonly memory: MessageBuffers
  private readonly batch: ReceivedBatch
  private readonly poll: Poll
  private fd: number
  private isPolled = true
  private isReadScheduled = false
  /** Something is in the queue of errors. */
  private hasQueuedErrors = false
  private queued = 0
  /** Where the first of what waits goes, and whether all of it goes there. */
  private firstPeer: ReplyAddress | Peer | undefined
  private isSinglePeer = true
  private onQuiesced: (() => void) | undefined

  constructor(
    private readonly context: SocketContext,
    socket: BoundSocket,
    private readonly buffers: SendBuffers,
    private readonly handler: BatchHandler,
    private readonly undelivered?: BatchHandler
  ) {
    this.fd = socket.fd
    this.local = socket.local
    context.descriptors.add(this.fd)
    this.memory = buffers.memory
    this.batch = buffers.batch
    this.poll = context.system.poll(this.fd, this.readable)
  }

  send(octets: Uint8Array, start: Octets, end: Octets, to: ReplyAddress | Peer): void {
    if (this.fd < 0 || end - start > SLOT_OCTETS) {
      this.counts.sendErrors++
      return
    }
    const { memory } = this
    const i = this.queued
    if (i === 0) this.buffers.acquire(this.flush)
    const at = memory.sends.starts[i]!
    copyOctets(octets, start, end, memory.octets, at)
    memory.words[memory.sends.iovecs + i * layout.IOVEC_WORDS + layout.LENGTH] = end - start
    setDestination(memory, i, to as DatagramAddress)
    if (i === 0) this.firstPeer = to
    else if (to !== this.firstPeer) this.isSinglePeer = false
    this.queued++
    if (i === 0) this.context.tick.flush(this.flush)
    else if (this.queued === BATCH) this.flush()
  }

  quiesce(): Promise<void> {
    if (this.fd < 0) return Promise.resolve()
    dropIncoming(this.context.system, this.fd)
    this.stopPolling()
    return new Promise(resolve => {
      const before = this.onQuiesced
      this.onQuiesced = () => {
        before?.()
        resolve()
      }
      this.scheduleRead()
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
    this.context.descriptors.remove(this.fd)
    this.context.system.close(this.fd)
    this.fd = -1
    this.onQuiesced?.()
  }

  private readonly readable = (failed: boolean): void => {
    if (failed) this.hasQueuedErrors = true
    this.scheduleRead()
  }

  private scheduleRead(): void {
    if (this.isReadScheduled || this.fd < 0) return
    this.isReadScheduled = true
    this.context.tick.read(this.read)
  }

  private readonly read = (): void => {
    this.isReadScheduled = false
    for (let round = 0; round < MAX_BATCHES_PER_TICK && this.fd >= 0; round++) {
      const count = this.receive()
      if (count === 0) {
        this.onEmpty()
        return
      }
      if (count < 0) continue
      this.counts.received += count
      if (count >= BUSY_BATCH) this.stopPolling()
      this.counts.dropped += this.batch.fill(count)
      this.handler(this.batch)
      this.sendReplies(count)
      if (count < BATCH) break
    }
    // Polled, it was but a few; if more are there, epoll says so.
    if (!this.isPolled) this.scheduleRead()
  }

  /** How many came; 0: none are left; -1: none, but errors did. */
  private receive(): number {
    if (this.hasQueuedErrors) this.readErrors()
    const { system } = this.context
    const { address } = this.memory.received
    const count = system.recvmmsg(this.fd, address, BATCH, 0, 0)
    if (count >= 0) return count
    if (system.errno() === system.eagain) return 0
    this.hasQueuedErrors = true
    // An error is told once; behind it may be answers, which a flood of errors must not keep back.
    return system.recvmmsg(this.fd, address, BATCH, 0, 0)
  }

  /** A batch at most; if there are more, the next call to receive fails again. */
  private readErrors(): void {
    this.hasQueuedErrors = false
    if (this.undelivered !== undefined) this.reportUndelivered(this.buffers.errors.read(this.fd))
  }

  private reportUndelivered(batch: DatagramBatch): void {
    if (batch.count > 0) this.undelivered?.(batch)
  }

  /** Waits for more, or is done, if no more are to come. */
  private onEmpty(): void {
    if (this.onQuiesced !== undefined) {
      const quiet = this.onQuiesced
      this.onQuiesced = undefined
      quiet()
    } else if (this.fd >= 0) this.resumePolling()
  }

  private stopPolling(): void {
    if (!this.isPolled) return
    this.isPolled = false
    this.poll.stop()
  }

  private resumePolling(): void {
    if (this.isPolled) return
    this.isPolled = true
    this.poll.start()
  }

  private sendReplies(count: number): void {
    if (this.fd < 0) return
    const ready = this.batch.gatherReplies(count)
    if (ready > 0) this.transmit(this.memory.replies.address, ready)
  }

  private readonly flush = (): void => {
    const { queued: ready, isSinglePeer: together } = this
    this.queued = 0
    this.isSinglePeer = true
    if (ready === 0 || this.fd < 0) return
    if (this.undelivered === undefined) this.transmit(this.memory.sends.address, ready)
    else this.transmitSegmented(ready, together)
  }

  /**
   * To upstreams, in convoys. As `transmit`, but the error that a send fails with may be that of a
   * datagram sent before.
   */
  private transmitSegmented(count: number, together: boolean): void {
    const { system } = this.context
    const { segmented: convoys } = this.buffers
    const { address, counts: sizes, firsts } = convoys
    let end = convoys.group(count, together)
    let retried = -1
    for (let at = 0; at < end;) {
      const sent = system.sendmmsg(this.fd, address + at * layout.HEADER, end - at, 0)
      for (let i = 0; i < sent; i++) this.counts.sent += sizes[at + i]!
      if (sent > 0) {
        at += sent
        continue
      }
      const errno = system.errno()
      const apart = convoys.ungroup(at, count, errno)
      if (apart > 0) end = apart
      else if (errno === system.eagain) {
        this.counts.sendErrors += count - firsts[at]!
        break
      } else if (retried < at) retried = at
      else this.recordSendFailure(convoys, at++, errno)
    }
    if (retried >= 0) this.reportUndelivered(this.buffers.errors.takeSendFailures())
  }

  private recordSendFailure(
    { firsts, counts: sizes, order }: SegmentedSend,
    at: number,
    errno: number
  ): void {
    const first = firsts[at]!
    const end = first + sizes[at]!
    for (let i = first; i < end; i++)
      this.buffers.errors.addSendFailure(this.memory, order[i]!, errno)
    this.counts.sendErrors += sizes[at]!
  }

  private transmit(address: number, count: number): void {
    const { system } = this.context
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
