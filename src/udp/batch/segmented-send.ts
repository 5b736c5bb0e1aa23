import type { Octets } from '../../base/units.js'
import * as linux from './linux.js'
import type { System } from './linux.js'
import * as layout from './message-buffers.js'
import { BATCH, writePointer, type MessageBuffers } from './message-buffers.js'

/**
 * A control message with the size of all datagrams of a convoy but the last: struct cmsghdr (u64
 * length, u32 level, u32 type), u16 size, rounded up to 8 as CMSG_SPACE does. udp(7), bits/socket.h
 */
const CONTROL: Octets = 24
const CONTROL_USED: Octets = 18
const CONTROL_WORDS = CONTROL / 4
const CONTROL_LEVEL = 2
const CONTROL_TYPE = 3
const CONTROL_SIZE = 4

/** Longer datagrams than this leave by themselves, so that no convoy is above 65,535 octets. */
const LONGEST: Octets = 768
const NONE = -1

const IOVECS: Octets = BATCH * layout.HEADER
const CONTROLS: Octets = IOVECS + BATCH * layout.IOVEC
const TOTAL: Octets = CONTROLS + BATCH * CONTROL

/**
 * Lines up what waits to be sent to one peer so that the kernel takes many datagrams for one, and
 * cuts them apart where they leave (UDP_SEGMENT, udp(7), since Linux 4.18): a datagram by itself
 * takes it 1.4 µs, in a convoy of three 0.8, of eight 0.4.
 *
 * All in a convoy have one size, but for the last, which may be shorter. So they are lined up by
 * size, and of those that are left over each goes behind longer ones.
 */
export class SegmentedSend {
  /** Address of the first header, for the system call. */
  readonly address: number
  /** How many datagrams each convoy has. */
  readonly counts = new Uint8Array(BATCH)
  /** Where the first of each convoy is in `order`. */
  readonly firsts = new Uint8Array(BATCH)
  /** Places of the datagrams in `MessageMemory.sends`, convoy by convoy. */
  readonly order = new Uint8Array(BATCH)
  private readonly words: Uint32Array
  /** The longest of those waiting, and per length the last one, and per datagram the one before. */
  private readonly heads = new Int16Array(LONGEST + 1).fill(NONE)
  private readonly previous = new Int16Array(BATCH)
  /** Whether the system takes convoys at all. */
  private isSupported = true

  constructor(
    system: System,
    private readonly source: MessageBuffers
  ) {
    const { buffer, address } = system.map(TOTAL)
    this.address = address
    this.words = new Uint32Array(buffer)
    for (let i = 0; i < BATCH; i++) {
      const control = (CONTROLS + i * CONTROL) / 4
      this.words[control] = CONTROL_USED
      this.words[control + CONTROL_LEVEL] = linux.IPPROTO_UDP
      this.words[control + CONTROL_TYPE] = linux.UDP_SEGMENT
      writePointer(
        this.words,
        this.header(i) + layout.CONTROL,
        this.address + CONTROLS + i * CONTROL
      )
    }
  }

  /**
   * Lines up the first `count` datagrams of `MessageMemory.sends`.
   *
   * @param together whether they all go to one peer
   * @returns how many convoys they are
   */
  group(count: number, together: boolean): number {
    if (!together || !this.isSupported || !this.sortByLength(count))
      return this.writeSingles(0, count)
    let convoy = 0
    for (let at = 0; at < count; convoy++) {
      const size = this.lengthOf(this.order[at]!)
      let end = at + 1
      while (end < count && this.lengthOf(this.order[end]!) === size) end++
      if (end < count) end++
      this.write(convoy, at, end - at, size)
      at = end
    }
    return convoy
  }

  /**
   * What is left from a convoy on, each datagram by itself from now on, if this errno says that the
   * system takes no convoys: no such option, or no checksums made on the way.
   *
   * @returns how many convoys there are then; 0: it says something else
   */
  ungroup(convoy: number, count: number, errno: number): number {
    if (this.counts[convoy] === 1 || (errno !== linux.EINVAL && errno !== linux.EIO)) return 0
    this.isSupported = false
    const first = this.firsts[convoy]!
    for (let at = first; at < count; at++) this.write(convoy + at - first, at, 1, 0)
    return convoy + count - first
  }

  private writeSingles(convoy: number, count: number): number {
    for (let at = 0; at < count; at++) {
      this.order[at] = at
      this.write(convoy + at, at, 1, 0)
    }
    return count
  }

  /** Puts them in order of length, the longest first. False: one is too long. */
  private sortByLength(count: number): boolean {
    const { heads, previous: before } = this
    let longest = 0
    let shortest = LONGEST
    for (let i = 0; i < count; i++) {
      const length = this.lengthOf(i)
      if (length > longest) longest = length
      if (length < shortest) shortest = length
      if (length > LONGEST) continue
      before[i] = heads[length]!
      heads[length] = i
    }
    let at = 0
    for (let length = Math.min(longest, LONGEST); length >= shortest; length--) {
      for (let i = heads[length]!; i !== NONE; i = before[i]!) this.order[at++] = i
      heads[length] = NONE
    }
    return longest <= LONGEST
  }

  private write(convoy: number, at: number, size: number, octets: Octets): void {
    const { words, source: from, order } = this
    this.firsts[convoy] = at
    this.counts[convoy] = size
    for (let i = at; i < at + size; i++) {
      const source = from.sends.iovecs + order[i]! * layout.IOVEC_WORDS
      const iovec = IOVECS / 4 + i * layout.IOVEC_WORDS
      for (let word = 0; word < layout.IOVEC_WORDS; word++) {
        words[iovec + word] = from.words[source + word]!
      }
    }
    const header = this.header(convoy)
    const name = from.sends.headers + order[at]! * layout.HEADER_WORDS + layout.NAME
    for (let word = 0; word < layout.NAME_FIELDS; word++) {
      words[header + layout.NAME + word] = from.words[name + word]!
    }
    writePointer(this.words, header + layout.IOV, this.address + IOVECS + at * layout.IOVEC)
    words[header + layout.IOV_COUNT] = size
    words[header + layout.CONTROL_LENGTH] = size > 1 ? CONTROL : 0
    if (size > 1) words[CONTROLS / 4 + convoy * CONTROL_WORDS + CONTROL_SIZE] = octets
  }

  private header(convoy: number): number {
    return convoy * layout.HEADER_WORDS
  }

  private lengthOf(i: number): Octets {
    const { sends, words } = this.source
    return words[sends.iovecs + i * layout.IOVEC_WORDS + layout.LENGTH]!
  }
}
