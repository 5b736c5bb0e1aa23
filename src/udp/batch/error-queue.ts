import type { Octets } from '../../base/units.js'
import type { DatagramBatch } from '../datagram.js'
import * as linux from './linux.js'
import type { System } from './linux.js'
import * as layout from './message-buffers.js'
import { BATCH, MessageBuffers } from './message-buffers.js'
import { ReceivedBatch } from './received-batch.js'
import type { Family } from './sockaddr.js'

/**
 * Room of one control message: struct cmsghdr (u64 length, u32 level, u32 type), sock_extended_err
 * (u32 errno, u8 origin, u8 ICMP type, u8 ICMP code, padding, u32 info, u32 data), and the address
 * of who says so. linux/errqueue.h. Places in words.
 */
const CONTROL: Octets = 64
const CONTROL_LEVEL = 2
const CONTROL_TYPE = 3
const ERRNO = 4
const ORIGIN = 5

/** Errors that are none of the way to a peer: too long for it in one piece, and no room here. */
const NOT_PATH_ERRORS: readonly number[] = [linux.EMSGSIZE, linux.ENOBUFS, linux.ENOMEM]

/**
 * What became of datagrams that did not arrive: as ICMP says, of which the kernel keeps a queue for
 * each socket that asks for it (IP_RECVERR, ip(7)), or as the system says when it is to send them.
 * Either way there is a batch of what was sent, or of the start of it that ICMP brought back, and
 * of the peers that it was sent to.
 *
 * ICMP can be forged by whoever guesses our port: who is told of it has to compare.
 */
export class ErrorQueue {
  private readonly memory: MessageBuffers
  private readonly batch: ReceivedBatch
  private sendFailures = 0

  constructor(
    private readonly system: System,
    private readonly family: Family
  ) {
    this.memory = new MessageBuffers(system, family, CONTROL)
    this.batch = new ReceivedBatch(this.memory, false)
  }

  /** Takes up to a batch from the queue of a socket. */
  read(fd: number): DatagramBatch {
    const { system, memory, batch } = this
    const { address } = memory.received
    const count = system.recvmmsg(fd, address, BATCH, linux.MSG_ERRQUEUE, 0)
    batch.fill(Math.max(count, 0))
    for (let i = 0; i < count; i++) if (!this.isPathError(i)) batch.lengths[i] = 0
    return batch
  }

  /** Keeps message `i` of `from.sends`, which could not be sent. Beyond a batch, silence tells. */
  addSendFailure(from: MessageBuffers, i: number, errno: number): void {
    if (this.sendFailures === BATCH || NOT_PATH_ERRORS.includes(errno)) return
    const { words, octets, received } = this.memory
    const to = this.sendFailures++
    const name = from.sends.names + i * layout.NAME_WORDS
    words.set(from.words.subarray(name, name + layout.NAME_WORDS), nameOf(received, to))
    const start = from.sends.starts[i]!
    const length = from.words[from.sends.iovecs + i * layout.IOVEC_WORDS + layout.LENGTH]!
    octets.set(from.octets.subarray(start, start + length), received.starts[to])
    const header = received.headers + to * layout.HEADER_WORDS
    words[header + layout.MSG_LENGTH] = length
    words[header + layout.FLAGS] = 0
  }

  /** What was noted since the last time. */
  takeSendFailures(): DatagramBatch {
    this.batch.fill(this.sendFailures)
    this.sendFailures = 0
    return this.batch
  }

  /** Whether message `i` is about the way to its peer. Makes its header fit to be read into again. */
  private isPathError(i: number): boolean {
    const { words, received } = this.memory
    const header = received.headers + i * layout.HEADER_WORDS
    const control = received.controls + i * layout.CONTROL_WORDS
    const hasError = words[header + layout.CONTROL_LENGTH]! > ORIGIN * 4
    words[header + layout.CONTROL_LENGTH] = CONTROL
    if (!hasError || !this.isExtendedError(control)) return false
    const origin = words[control + ORIGIN]! & 0xff
    const isIcmp = origin === linux.SO_EE_ORIGIN_ICMP || origin === linux.SO_EE_ORIGIN_ICMP6
    return isIcmp && !NOT_PATH_ERRORS.includes(words[control + ERRNO]!)
  }

  private isExtendedError(control: number): boolean {
    const { words } = this.memory
    const level = words[control + CONTROL_LEVEL]
    const type = words[control + CONTROL_TYPE]
    return this.family === linux.AF_INET
      ? level === linux.IPPROTO_IP && type === linux.IP_RECVERR
      : level === linux.IPPROTO_IPV6 && type === linux.IPV6_RECVERR
  }
}

function nameOf({ names }: layout.Messages, i: number): number {
  return names + i * layout.NAME_WORDS
}
