import type { Octets } from '../../../base/units.js'
import type { DatagramBatch } from '../datagram.js'
import * as linux from '../../../base/system/linux.js'
import type { System } from '../../../base/system/linux.js'
import * as layout from './message-buffers.js'
import { BATCH, MessageBuffers } from './message-buffers.js'
import { ReceivedBatch } from './received-batch.js'
import type { Family } from './sockaddr.js'

/**
 * Size of one control message: struct cmsghdr (u64 length, u32 level, u32 type), sock_extended_err
 * (u32 errno, u8 origin, u8 ICMP type, u8 ICMP code, padding, u32 info, u32 data), and the address
 * that reported the error. linux/errqueue.h. The offsets below count 32-bit words.
 */
const CONTROL: Octets = 64
const CONTROL_LEVEL = 2
const CONTROL_TYPE = 3
const ERRNO = 4
const ORIGIN = 5

/** Errors that say nothing about the peer: datagram too long for the path, no local buffer space. */
const NOT_PATH_ERRORS: readonly number[] = [linux.EMSGSIZE, linux.ENOBUFS, linux.ENOMEM]

/**
 * Datagrams that were not delivered: reported by ICMP, for which the kernel keeps a queue per socket
 * (IP_RECVERR, ip(7)), or by a failed send. Either way they are returned as a batch of what was
 * sent, or the start of it that ICMP quoted, and the peers it was sent to.
 *
 * Anyone who guesses the local port can forge ICMP: the receiver must compare the quoted octets.
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

  /** Reads up to one batch from the error queue of a socket. */
  read(fd: number): DatagramBatch {
    const { system, memory, batch } = this
    const { address } = memory.received
    const count = system.recvmmsg(fd, address, BATCH, linux.MSG_ERRQUEUE, 0)
    batch.fill(Math.max(count, 0))
    for (let i = 0; i < count; i++) if (!this.isPathError(i)) batch.lengths[i] = 0
    return batch
  }

  /** Records message `i` of `from.sends`, which could not be sent. Beyond one batch, timeouts apply. */
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

  /** The failures recorded since the last call. */
  takeSendFailures(): DatagramBatch {
    this.batch.fill(this.sendFailures)
    this.sendFailures = 0
    return this.batch
  }

  /** Whether message `i` reports that its peer is unreachable. Resets its header for the next read. */
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
