import type { Octets } from '../../../base/units.js'
import { SLOT_OCTETS } from '../datagram.js'
import { AF_INET, type System } from '../../../base/system/linux.js'
import { SOCKADDR_IN, SOCKADDR_IN6, type Family } from './sockaddr.js'

/**
 * Datagrams per batch. Measured with an echo server: 32 costs 1% more CPU per answer, 128 gains
 * nothing.
 */
export const BATCH = 64

/**
 * sizeof(struct mmsghdr), bits/socket.h: a msghdr of 56 octets, u32 msg_len, 4 of padding.
 * msghdr: pointer name, u32 namelen, 4 of padding, pointer iov, u64 iovlen, pointer control,
 * u64 controllen, u32 flags, 4 of padding. The offsets below count words of 4 octets.
 */
export const HEADER: Octets = 64
export const HEADER_WORDS = HEADER / 4
export const NAME = 0
const NAME_LENGTH = 2
/** Words of the name's pointer and length. */
export const NAME_FIELDS = 4
export const IOV = 4
export const IOV_COUNT = 6
export const CONTROL = 8
export const CONTROL_LENGTH = 10
export const FLAGS = 12
export const MSG_LENGTH = 14

/** sizeof(struct iovec), bits/types/struct_iovec.h: pointer base, u64 length; offsets in words. */
export const IOVEC: Octets = 16
export const IOVEC_WORDS = IOVEC / 4
export const BASE = 0
export const LENGTH = 2

/** A sockaddr_in6 takes 28 octets; rounded up so that each starts a half cache line. */
const NAME_SLOT: Octets = 32
export const NAME_WORDS = NAME_SLOT / 4

/**
 * Size of one control message: struct cmsghdr (u64 length, u32 level, u32 type), then in_pktinfo
 * (12 octets: interface, local address, destination) or in6_pktinfo (20: address, interface),
 * rounded up to 8 as CMSG_SPACE does. bits/socket.h, bits/in.h
 */
const CONTROL4: Octets = 32
const CONTROL6: Octets = 40
const CONTROL_SLOT: Octets = 64
export const CONTROL_WORDS = CONTROL_SLOT / 4

/** Size of the control message with the packet information of one datagram. */
export function packetInfoOctets(family: Family): Octets {
  return family === AF_INET ? CONTROL4 : CONTROL6
}

/**
 * Distance between datagrams: not a power of two, so that their first octets, which are all that is
 * touched of most, do not map to the same few cache sets.
 */
const STRIDE: Octets = SLOT_OCTETS + 64

/** Page size: headers and datagrams do not share a page. */
const PAGE: Octets = 4096

/** Sizes of the parts of one array of `BATCH` messages. */
const HEADERS: Octets = BATCH * (HEADER + IOVEC)
const NAMES: Octets = BATCH * (NAME_SLOT + CONTROL_SLOT)
const SLOTS: Octets = BATCH * STRIDE
const TOTAL: Octets = roundUp(3 * HEADERS + 2 * NAMES) + 2 * SLOTS

/** One array of messages in the layout of recvmmsg and sendmmsg; positions in words of the memory. */
export interface Messages {
  /** Memory address of the first header, for the system call. */
  readonly address: number
  readonly headers: number
  readonly iovecs: number
  readonly names: number
  readonly controls: number
  /** Positions of the datagrams, in octets of the memory. */
  readonly starts: Uint32Array
}

/**
 * Message headers, addresses and datagram slots of one socket, in one mapping outside the heap, with
 * every structure laid out once: received datagrams; replies written over them, with headers of
 * their own because the lengths differ; and datagrams sent from elsewhere.
 */
export class MessageBuffers {
  readonly octets: Uint8Array
  readonly words: Uint32Array
  readonly received: Messages
  readonly replies: Messages
  readonly sends: Messages
  private readonly base: number

  /** @param controlLength size of the control message per datagram, at most a slot; 0: none */
  constructor(
    system: System,
    readonly family: Family,
    readonly controlLength: Octets
  ) {
    const { buffer, address } = system.map(TOTAL)
    this.base = address
    this.octets = new Uint8Array(buffer)
    this.words = new Uint32Array(buffer)
    const names = 3 * HEADERS
    const slots = roundUp(3 * HEADERS + 2 * NAMES)
    this.received = this.layOut(0, names, slots)
    this.replies = this.layOut(HEADERS, names, slots)
    this.sends = this.layOut(2 * HEADERS, names + NAMES, slots + SLOTS)
  }

  private layOut(at: Octets, namesAt: Octets, slotsAt: Octets): Messages {
    const iovecsAt = at + BATCH * HEADER
    const controlsAt = namesAt + BATCH * NAME_SLOT
    const starts = Uint32Array.from({ length: BATCH }, (_, i) => slotsAt + i * STRIDE)
    for (let i = 0; i < BATCH; i++) {
      const header = (at + i * HEADER) / 4
      const iovec = (iovecsAt + i * IOVEC) / 4
      writePointer(this.words, header + NAME, this.base + namesAt + i * NAME_SLOT)
      this.words[header + NAME_LENGTH] = this.family === AF_INET ? SOCKADDR_IN : SOCKADDR_IN6
      writePointer(this.words, header + IOV, this.base + iovecsAt + i * IOVEC)
      this.words[header + IOV_COUNT] = 1
      if (this.controlLength > 0) {
        writePointer(this.words, header + CONTROL, this.base + controlsAt + i * CONTROL_SLOT)
        this.words[header + CONTROL_LENGTH] = this.controlLength
      }
      writePointer(this.words, iovec + BASE, this.base + starts[i]!)
      this.words[iovec + LENGTH] = SLOT_OCTETS
    }
    return {
      address: this.base + at,
      headers: at / 4,
      iovecs: iovecsAt / 4,
      names: namesAt / 4,
      controls: controlsAt / 4,
      starts
    }
  }
}

/** Writes an address into the two words at `word`. */
export function writePointer(words: Uint32Array, word: number, address: number): void {
  words[word] = address % 2 ** 32
  words[word + 1] = Math.floor(address / 2 ** 32)
}

function roundUp(octets: Octets): Octets {
  return Math.ceil(octets / PAGE) * PAGE
}
