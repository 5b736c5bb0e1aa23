import { copyFrom } from './encoding.js'
import { BIO_C_GET_BUF_MEM_PTR, DATA, LENGTH, SIZE, WORD_RANGE, WORDS } from './memory-bio.js'
import { OpenSslError, type OpenSsl } from './openssl.js'

const TEXT = Buffer.from('layout')

/**
 * Compares struct buf_mem_st of OpenSSL with what is known of it, before OpenSSL is given one. This only reads.
 *
 * @throws OpenSslError if it is another one
 */
export function checkMemoryLayout(openSsl: OpenSsl): void {
  const bio = openSsl.newBio(openSsl.memory())
  try {
    openSsl.writeBio(bio, TEXT, TEXT.length)
    const pointer = Buffer.alloc(8)
    openSsl.bioMemory(bio, BIO_C_GET_BUF_MEM_PTR, 0, pointer)
    const memory = copyFrom(openSsl, Number(pointer.readBigUInt64LE()), 4 * WORDS)
    const word = (at: number): number => memory.readUInt32LE(4 * at)
    const long = (at: number): number => word(at + 1) * WORD_RANGE + word(at)
    const isKnown = long(LENGTH) === TEXT.length && long(SIZE) >= TEXT.length
    if (!isKnown || !copyFrom(openSsl, long(DATA), TEXT.length).equals(TEXT))
      throw new OpenSslError('struct buf_mem_st is another one')
  } finally {
    openSsl.freeBio(bio)
  }
}
