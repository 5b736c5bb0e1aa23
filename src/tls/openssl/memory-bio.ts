import type { Octets } from '../../base/units.js'
import type { OpenSsl } from './openssl.js'

/** openssl/bio.h */
const BIO_C_SET_BUF_MEM = 114
const BIO_NOCLOSE = 0
const BIO_FLAGS_MEM_RDONLY = 0x200
/** Words of struct buf_mem_st (openssl/buffer.h): length, address, and size, with 64 bits each, and flags. */
const LENGTH = 0
const DATA = 2
const SIZE = 4
const WORDS = 8
const WORD_RANGE = 2 ** 32

/**
 * The memory BIO from which OpenSSL reads what has come from a socket. All connections of a thread share it: each
 * takes everything out before the next one is read.
 */
export class InputBio {
  readonly bio: number
  readonly octets: Buffer
  readonly address: number
  /** OpenSSL moves its beginning on with what it reads. */
  private readonly memory: Uint32Array

  constructor(
    openSsl: OpenSsl,
    readonly size: Octets
  ) {
    const { system } = openSsl
    const octets = system.map(size)
    this.octets = Buffer.from(octets.buffer)
    this.address = octets.address
    const memory = system.map(4 * WORDS)
    this.memory = new Uint32Array(memory.buffer)
    this.bio = openSsl.newBio(openSsl.memory())
    openSsl.controlBio(this.bio, BIO_C_SET_BUF_MEM, BIO_NOCLOSE, memory.address)
    openSsl.setBioFlags(this.bio, BIO_FLAGS_MEM_RDONLY)
  }

  /** OpenSSL reads the first `length` octets next, and has read nothing of them. */
  provide(length: Octets): void {
    const { memory, address } = this
    memory[LENGTH] = memory[SIZE] = length
    memory[DATA] = address % WORD_RANGE
    memory[DATA + 1] = Math.floor(address / WORD_RANGE)
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
