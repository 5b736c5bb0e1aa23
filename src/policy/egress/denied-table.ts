/*
 * The addresses that some network may not reach, in memory that one thread writes and all workers read. It has two tables: one is
 * read while the other is written. Which networks an address is denied to, the writer knows.
 */

/** Places of a table; a power of two. At most half of them are used. */
const PLACES = 2 ** 17
export const MAX_DENIED = PLACES / 2
const WORDS = 4
/** Words before the tables: how many times it was written. The table with its parity is the one to read. */
const HEADER_WORDS = 16
const TABLE_WORDS = PLACES * WORDS
const MIX = 0x85ebca6b
const MAX_READS = 8

export function allocateDeniedTable(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (HEADER_WORDS + 2 * TABLE_WORDS))
}

const tableAt = (version: number): number => HEADER_WORDS + (version & 1) * TABLE_WORDS

function placeOf(words: Uint32Array, at: number): number {
  let hash = 0
  for (let i = 0; i < WORDS; i++) {
    hash = Math.imul(hash ^ words[at + i]!, MIX)
    hash ^= hash >>> 15
  }
  return hash & (PLACES - 1)
}

export class DeniedTableWriter {
  private readonly words: Uint32Array
  private readonly version: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.words = new Uint32Array(memory)
    this.version = new Int32Array(memory, 0, 1)
  }

  /**
   * Replaces the addresses.
   *
   * @param addresses as four words each, IPv4 mapped; at most `MAX_DENIED`
   */
  replace(addresses: Iterable<Uint32Array>): void {
    const { words } = this
    const next = Atomics.load(this.version, 0) + 1
    const table = tableAt(next)
    words.fill(0, table, table + TABLE_WORDS)
    for (const address of addresses) {
      let place = placeOf(address, 0)
      while (!isEmpty(words, table + WORDS * place)) place = (place + 1) & (PLACES - 1)
      words.set(address, table + WORDS * place)
    }
    Atomics.store(this.version, 0, next)
  }
}

export class DeniedTableReader {
  private readonly words: Uint32Array
  private readonly version: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.words = new Uint32Array(memory)
    this.version = new Int32Array(memory, 0, 1)
  }

  /** True if a network may not reach the address. It allocates nothing. @param words four at `at`, IPv4 mapped */
  has(words: Uint32Array, at: number): boolean {
    for (let read = 0; read < MAX_READS; read++) {
      const version = Atomics.load(this.version, 0)
      const found = this.find(tableAt(version), words, at)
      if (Atomics.load(this.version, 0) === version) return found
    }
    // Its writer, which is asked next, knows.
    return true
  }

  private find(table: number, words: Uint32Array, at: number): boolean {
    const own = this.words
    let place = placeOf(words, at)
    for (let tries = 0; tries < PLACES; tries++) {
      const from = table + WORDS * place
      if (isEmpty(own, from)) return false
      if (
        own[from] === words[at] &&
        own[from + 1] === words[at + 1] &&
        own[from + 2] === words[at + 2] &&
        own[from + 3] === words[at + 3]
      )
        return true
      place = (place + 1) & (PLACES - 1)
    }
    return true
  }
}

/** No rule denies `::`. */
const isEmpty = (words: Uint32Array, at: number): boolean =>
  (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0
