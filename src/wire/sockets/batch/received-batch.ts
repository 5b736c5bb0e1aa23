import { NO_REPLY, type DatagramBatch, type ReplyAddress } from '../datagram.js'
import {
  ADDRESS4,
  ADDRESS6,
  INTERFACE4,
  INTERFACE6,
  LOCAL6,
  replyAddress,
  type DatagramAddress
} from './datagram-address.js'
import { AF_INET, MSG_TRUNC } from '../../../base/system/linux.js'
import * as layout from './message-buffers.js'
import { BATCH, type MessageBuffers } from './message-buffers.js'

/** The third word of a mapped IPv4 address. RFC 4291 §2.5.5.2 */
const MAPPED = 0xffff

/**
 * The batch that the handler gets, as a view of the memory that the kernel fills. Constant parts are
 * written at construction; per datagram only length, peer and port are converted.
 */
export class ReceivedBatch implements DatagramBatch {
  readonly octets: Uint8Array
  readonly starts: Uint32Array
  readonly lengths = new Uint32Array(BATCH)
  readonly replies = new Uint32Array(BATCH)
  readonly peers = new Uint32Array(4 * BATCH)
  readonly ports = new Uint16Array(BATCH)
  count = 0
  /** The received datagram that each reply header points to; headers are rewritten only on change. */
  private readonly replySource = Uint8Array.from({ length: BATCH }, (_, i) => i)

  constructor(
    private readonly memory: MessageBuffers,
    private readonly packetInfo: boolean
  ) {
    this.octets = memory.octets
    this.starts = memory.received.starts
    for (let i = 0; i < BATCH; i++) this.peers[4 * i + 2] = MAPPED
  }

  replyAddress(i: number, spare?: ReplyAddress): ReplyAddress {
    return replyAddress(this.memory, i, this.packetInfo, spare as DatagramAddress | undefined)
  }

  /** Converts what the kernel wrote. Returns the number of datagrams longer than a slot. */
  fill(count: number): number {
    const { words, received, family } = this.memory
    const { lengths, ports } = this
    this.count = count
    let dropped = 0
    let header = received.headers
    let name = received.names
    for (let i = 0; i < count; i++) {
      ports[i] = swap16(words[name]! >>> 16)
      if (family === AF_INET) this.peers[4 * i + 3] = swap32(words[name + ADDRESS4]!)
      else this.fillPeer6(4 * i, name + ADDRESS6)
      if (this.packetInfo) this.preparePacketInfo(i, header)
      const isWhole = (words[header + layout.FLAGS]! & MSG_TRUNC) === 0
      lengths[i] = isWhole ? words[header + layout.MSG_LENGTH]! : 0
      if (!isWhole) dropped++
      header += layout.HEADER_WORDS
      name += layout.NAME_WORDS
    }
    return dropped
  }

  /** Fills the headers for all datagrams that have a reply, and returns their number. */
  gatherReplies(count: number): number {
    const { words } = this.memory
    const { replies, replySource: pointsAt } = this
    let length = this.memory.replies.iovecs + layout.LENGTH
    let ready = 0
    for (let i = 0; i < count; i++) {
      if (replies[i] === NO_REPLY) continue
      if (pointsAt[ready] !== i) this.pointReply(ready, i)
      words[length] = replies[i]!
      length += layout.IOVEC_WORDS
      ready++
    }
    return ready
  }

  /** Makes reply header `to` send from the slot of received datagram `from`. */
  private pointReply(to: number, from: number): void {
    const { words, received, replies } = this.memory
    const header = replies.headers + to * layout.HEADER_WORDS
    const source = received.headers + from * layout.HEADER_WORDS
    const base = replies.iovecs + to * layout.IOVEC_WORDS + layout.BASE
    const sourceBase = received.iovecs + from * layout.IOVEC_WORDS + layout.BASE
    for (let half = 0; half < 2; half++) {
      words[header + layout.NAME + half] = words[source + layout.NAME + half]!
      words[header + layout.CONTROL + half] = words[source + layout.CONTROL + half]!
      words[base + half] = words[sourceBase + half]!
    }
    this.replySource[to] = from
  }

  private fillPeer6(at: number, address: number): void {
    const { words } = this.memory
    const { peers } = this
    peers[at] = swap32(words[address]!)
    peers[at + 1] = swap32(words[address + 1]!)
    peers[at + 2] = swap32(words[address + 2]!)
    peers[at + 3] = swap32(words[address + 3]!)
  }

  /**
   * Turns the received control message into one for the reply: keeps the local address and clears
   * the interface, so that normal routing applies; link-local addresses need their interface.
   */
  private preparePacketInfo(i: number, header: number): void {
    const { words, received, family, controlLength } = this.memory
    const control = received.controls + i * layout.CONTROL_WORDS
    words[header + layout.CONTROL_LENGTH] = controlLength
    if (family === AF_INET) words[control + INTERFACE4] = 0
    else if (!isLinkLocal(words[control + LOCAL6]!)) words[control + INTERFACE6] = 0
  }
}

/** Whether an address is in fe80::/10 (RFC 4291 §2.4). @param word its first word in memory order */
function isLinkLocal(word: number): boolean {
  return (word & 0xc0ff) === 0x80fe
}

function swap16(word: number): number {
  return ((word & 0xff) << 8) | (word >>> 8)
}

function swap32(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
