import type { Octets } from '../../../base/units.js'
import { SOCKET_FLAGS } from './constants.js'
import type { OpenSsl } from './openssl.js'

/** openssl/bio.h */
const BIO_CTRL_RESET = 1
const BIO_C_SET_BUF_MEM = 114
export const BIO_C_GET_BUF_MEM_PTR = 115
const BIO_NOCLOSE = 0
const BIO_FLAGS_MEM_RDONLY = 0x200
const BIO_FLAGS_NONCLEAR_RST = 0x400
/** Words of struct buf_mem_st (openssl/buffer.h): length, address, and size, with 64 bits each, and flags. */
export const LENGTH = 0
export const DATA = 2
export const SIZE = 4
export const WORDS = 8
export const WORD_RANGE = 2 ** 32

/** More is not collected: it would leave the CPU's caches before it is sent. */
const MAX_COLLECTED: Octets = 16_384

/** A memory BIO of which we see what it holds without a call. All connections of a thread share it. */
abstract class MemoryBio {
  readonly bio: number
  protected readonly memory: Uint32Array

  constructor(protected readonly openSsl: OpenSsl) {
    const memory = openSsl.system.map(4 * WORDS)
    this.memory = new Uint32Array(memory.buffer)
    this.bio = openSsl.newBio(openSsl.memory())
    openSsl.controlBio(this.bio, BIO_C_SET_BUF_MEM, BIO_NOCLOSE, memory.address)
  }

  /** When no connection uses it any more. */
  free(): void {
    this.openSsl.freeBio(this.bio)
  }
}

/** OpenSSL reads data received from a socket here: all of it, before more is received. */
export class InputBio extends MemoryBio {
  readonly octets: Buffer
  readonly address: number
  private readonly low: number
  private readonly high: number

  constructor(
    openSsl: OpenSsl,
    readonly size: Octets
  ) {
    super(openSsl)
    const octets = openSsl.system.map(size)
    this.octets = Buffer.from(octets.buffer)
    this.address = octets.address
    this.low = octets.address % WORD_RANGE
    this.high = Math.floor(octets.address / WORD_RANGE)
    openSsl.setBioFlags(this.bio, BIO_FLAGS_MEM_RDONLY)
  }

  /** OpenSSL reads the first `length` octets next, and has read nothing of them. */
  provide(length: Octets): void {
    const { memory } = this
    memory[LENGTH] = memory[SIZE] = length
    // OpenSSL moves it on with what it reads.
    memory[DATA] = this.low
    memory[DATA + 1] = this.high
  }

  /** Not yet read. */
  get rest(): Octets {
    return this.memory[LENGTH]!
  }

  /** A copy of what is not yet read, of `length` octets provided. */
  copyRest(length: Octets): Buffer {
    return Buffer.from(this.octets.subarray(length - this.rest, length))
  }
}

/** A connection that sends what OpenSSL has written for it. */
export interface Sender {
  readonly fd: number
  /** What it keeps until its socket takes more. */
  readonly unsent: Octets
  /** Keeps what its socket has not taken, behind what it keeps already. */
  keep(octets: Buffer): void
}

/**
 * To which OpenSSL writes what is to be sent. It is collected during a turn of the event loop: to send for many
 * connections in a row costs less than to read and answer in between.
 */
export class OutputBio extends MemoryBio {
  /** Whether what is written is kept until `send`, as long as it is not much. */
  isCollecting = false
  private readonly senders: Sender[] = []
  /** What each of them has to send begins where that of the one before ends. */
  private readonly ends: Octets[] = []
  private end: Octets = 0

  constructor(openSsl: OpenSsl) {
    super(openSsl)
    // A reset leaves the memory as it is.
    openSsl.setBioFlags(this.bio, BIO_FLAGS_NONCLEAR_RST)
  }

  /** What OpenSSL has written since the last call, if anything, is to be sent by `sender`. */
  add(sender: Sender): void {
    const end = this.memory[LENGTH]!
    if (end === this.end) return
    this.end = end
    this.senders.push(sender)
    this.ends.push(end)
    if (!this.isCollecting || end > MAX_COLLECTED) this.send()
  }

  /** Sends what was added. What was written and not added is discarded. */
  send(): void {
    const { openSsl, bio, memory, senders, ends } = this
    if (memory[LENGTH] === 0) return
    const { address } = this
    let octets: Buffer | undefined
    let start = 0
    for (let i = 0; i < senders.length; i++) {
      const sender = senders[i]!
      const end = ends[i]!
      const { fd, unsent } = sender
      if (unsent === 0)
        start += Math.max(0, openSsl.sendAt(fd, address + start, end - start, SOCKET_FLAGS))
      if (start < end) {
        octets ??= this.copy()
        sender.keep(Buffer.from(octets.subarray(start, end)))
        start = end
      }
    }
    senders.length = ends.length = 0
    this.end = memory[LENGTH] = 0
    openSsl.resetBio(bio, BIO_CTRL_RESET, 0, 0)
  }

  override free(): void {
    super.free()
    this.openSsl.freeMemory(this.address, null, 0)
  }

  /** Of what was written, in memory of OpenSSL. */
  private get address(): number {
    return this.memory[DATA + 1]! * WORD_RANGE + this.memory[DATA]!
  }

  private copy(): Buffer {
    const octets = Buffer.alloc(this.memory[LENGTH]!)
    this.openSsl.readBio(this.bio, octets, octets.length)
    return octets
  }
}
