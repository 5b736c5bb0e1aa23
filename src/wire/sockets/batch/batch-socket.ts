import { copyOctets } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
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
import type { DescriptorTable } from '../../../base/system/descriptor-table.js'
import type { Poll, System } from '../../../base/system/linux.js'
import * as layout from './message-buffers.js'
import { BATCH, type MessageBuffers } from './message-buffers.js'
import type { ReceivedBatch } from './received-batch.js'
import type { SegmentedSend } from './segmented-send.js'
import type { SendBuffers } from './send-buffers.js'
import type { Tick } from './tick.js'

/** Batches read per event loop iteration: about 0.7 ms under full load, then TCP and timers run. */
const MAX_BATCHES_PER_TICK = 4

/**
 * A batch of at least this many datagrams removes the socket from epoll until it is found empty.
 * While epoll watches a socket, each datagram sent or received wakes its callback, to no purpose on a
 * busy socket: 0.12 to 0.17 µs per answer. Removing it and adding it again costs 1.4 µs. A socket for upstreams
 * stays: the responses to what it has sent at once come at once, and then often none.
 */
const BUSY_BATCH = 16

/** State that all batch sockets of one thread share. */
export interface SocketContext {
  readonly system: System
  readonly tick: Tick
  readonly descriptors: DescriptorTable
  readonly poll: System['poll']
}

/**
 * A UDP socket that reads and writes in batches: one recvmmsg, the handler, one sendmmsg. Nothing
 * is allocated and nothing copied per datagram.
 *
 * With ICMP errors enabled, the kernel reports an error by failing the next call on the socket,
 * whatever that call is, and queues the datagram that the error is about: see `ErrorQueue`.
 *
 * When the send buffer is full (EAGAIN), the rest of the batch is dropped and counted: the memory is
 * needed for the next batch, 4 MB are queued already, and clients retry.
 */
export class BatchSocket implements DatagramSocket, UpstreamSocket {
  readonly kind = 'batch'
  readonly local: { readonly address: string; readonly port: number }
  readonly counts: SocketCounts = { received: 0, sent: 0, sendErrors: 0, dropped: 0 }
  private readonly memory: MessageBuffers
  private readonly batch: ReceivedBatch
  private readonly poll: Poll
  fd: number
  private isPolled = true
  private isReadScheduled = false
  private hasLeft = false
  /** Whether the kernel's error queue is not empty. */
  private hasQueuedErrors = false
  private queued = 0
  /** Destination of the first queued datagram, and whether all queued ones go there. */
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
    this.poll = context.poll(this.fd, this.readable)
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

  leave(): void {
    this.hasLeft = true
    this.stopPolling()
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
    if (this.hasLeft) return
    for (let round = 0; round < MAX_BATCHES_PER_TICK && this.fd >= 0; round++) {
      const count = this.receive()
      if (count === 0) {
        this.onEmpty()
        return
      }
      if (count < 0) continue
      this.counts.received += count
      if (count >= BUSY_BATCH && this.undelivered === undefined) this.stopPolling()
      this.counts.dropped += this.batch.fill(count)
      this.handler(this.batch)
      this.sendReplies(count)
      if (count < BATCH) break
    }
    // A polled socket had only a few; epoll reports any others.
    if (!this.isPolled) this.scheduleRead()
  }

  /** Number of datagrams received; 0: the queue is empty; -1: only an error was read. */
  private receive(): number {
    if (this.hasQueuedErrors) this.readErrors()
    const { system } = this.context
    const { address } = this.memory.received
    const count = system.recvmmsg(this.fd, address, BATCH, 0, 0)
    if (count >= 0) return count
    if (system.errno() === system.eagain) return 0
    this.hasQueuedErrors = true
    // The kernel reports an error once. Responses may follow it; a flood of errors must not delay them.
    return system.recvmmsg(this.fd, address, BATCH, 0, 0)
  }

  /** Reads one batch at most; if more errors are queued, the next receive fails again. */
  private readErrors(): void {
    this.hasQueuedErrors = false
    if (this.undelivered !== undefined) this.reportUndelivered(this.buffers.errors.read(this.fd))
  }

  private reportUndelivered(batch: DatagramBatch): void {
    if (batch.count > 0) this.undelivered?.(batch)
  }

  /** The receive queue is empty: completes `quiesce`, or waits for more datagrams. */
  private onEmpty(): void {
    if (this.onQuiesced !== undefined) {
      const quiesced = this.onQuiesced
      this.onQuiesced = undefined
      quiesced()
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
    const { queued, isSinglePeer } = this
    this.queued = 0
    this.isSinglePeer = true
    if (queued === 0 || this.fd < 0) return
    if (this.undelivered === undefined) this.transmit(this.memory.sends.address, queued)
    else this.transmitSegmented(queued, isSinglePeer)
  }

  /**
   * Sends to upstreams, segmented where possible. Unlike in `transmit`, the error of a failed send
   * may belong to an earlier datagram; so each message is retried once.
   */
  private transmitSegmented(count: number, isSinglePeer: boolean): void {
    const { system } = this.context
    const { segmented } = this.buffers
    const { address, counts, firsts } = segmented
    let end = segmented.group(count, isSinglePeer)
    let retried = -1
    for (let at = 0; at < end;) {
      const sent = system.sendmmsg(this.fd, address + at * layout.HEADER, end - at, 0)
      for (let i = 0; i < sent; i++) this.counts.sent += counts[at + i]!
      if (sent > 0) {
        at += sent
        continue
      }
      const errno = system.errno()
      const ungroupedEnd = segmented.ungroup(at, count, errno)
      if (ungroupedEnd > 0) end = ungroupedEnd
      else if (errno === system.eagain) {
        this.counts.sendErrors += count - firsts[at]!
        break
      } else if (retried < at) retried = at
      else this.recordSendFailure(segmented, at++, errno)
    }
    if (retried >= 0) this.reportUndelivered(this.buffers.errors.takeSendFailures())
  }

  private recordSendFailure(
    { firsts, counts, order }: SegmentedSend,
    at: number,
    errno: number
  ): void {
    const first = firsts[at]!
    const end = first + counts[at]!
    for (let i = first; i < end; i++)
      this.buffers.errors.addSendFailure(this.memory, order[i]!, errno)
    this.counts.sendErrors += counts[at]!
  }

  private transmit(address: number, count: number): void {
    const { system } = this.context
    for (let at = 0; at < count;) {
      const sent = system.sendmmsg(this.fd, address + at * layout.HEADER, count - at, 0)
      if (sent > 0) {
        at += sent
        this.counts.sent += sent
      } else {
        // The first message failed. With a full buffer all others would fail too, otherwise only this one.
        const failed = system.errno() === system.eagain ? count - at : 1
        at += failed
        this.counts.sendErrors += failed
      }
    }
  }
}
