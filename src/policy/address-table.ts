import { showPrefix, type Prefix } from '../base/address.js'
import { compilePrefixes, PrefixTable, type PrefixTableBuffers } from '../network/prefix-table.js'
import type { RecordBuilder } from './record-builder.js'

/** The table of sources' prefixes as shared memory, as other threads get it. */
export interface AddressTableBuffers {
  readonly prefixes: PrefixTableBuffers
  /** `[count, record …]`: records of the prefixes that cover an address, longest first. */
  readonly lists: SharedArrayBuffer
}

/** Finds the records of the prefixes that cover an address: what a suffix walk is for names. */
export class AddressTable {
  readonly #prefixes: PrefixTable
  /** Each list is a count and so many records. */
  readonly lists: Int32Array

  constructor(buffers: AddressTableBuffers) {
    this.#prefixes = new PrefixTable(buffers.prefixes)
    this.lists = new Int32Array(buffers.lists)
  }

  /** Place in `lists` of the list for the address in `words[at, at + 4)`. */
  find(words: Uint32Array, at: number): number {
    return this.#prefixes.find(words, at)
  }
}

/** Gathers prefixes while sources are poured; one record for each prefix. */
export class AddressTableBuilder {
  readonly #records: RecordBuilder
  readonly #prefixes: Prefix[] = []
  readonly #recordOf: number[] = []
  readonly #known = new Map<string, number>()

  constructor(records: RecordBuilder) {
    this.#records = records
  }

  add(prefix: Prefix, member: number, line: number): void {
    const text = showPrefix(prefix)
    const known = this.#known.get(text)
    if (known !== undefined) {
      this.#records.addMember(known, member, line)
      return
    }
    const record = this.#records.createPrefix(prefix, member, line)
    this.#known.set(text, record)
    this.#prefixes.push(prefix)
    this.#recordOf.push(record)
  }

  finish(): AddressTableBuffers {
    const lists: number[] = []
    const prefixes = compilePrefixes(this.#prefixes, covering => {
      const list = lists.length
      lists.push(covering.length, ...covering.map(index => this.#recordOf[index]!))
      return list
    })
    const buffer = new SharedArrayBuffer(4 * lists.length)
    new Int32Array(buffer).set(lists)
    return { prefixes, lists: buffer }
  }
}
