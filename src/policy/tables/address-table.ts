import type { Address } from '../../base/values/address.js'
import { PrefixTable, type PrefixTableBuffers } from '../../base/values/prefix-table.js'

/** The table of address prefixes that sources list, as shared memory. */
export interface AddressTableBuffers {
  readonly prefixes: PrefixTableBuffers
  /** `[count, entry …]`: the entries of the prefixes that cover an address, longest first. */
  readonly lists: SharedArrayBuffer
}

/** Finds the entries of the prefixes that cover an address, as `NameTable` does for suffixes. */
export class AddressTable {
  private readonly prefixes: PrefixTable
  /** Each list is a count and that many entries. */
  readonly lists: Int32Array

  constructor(buffers: AddressTableBuffers) {
    this.prefixes = new PrefixTable(buffers.prefixes)
    this.lists = new Int32Array(buffers.lists)
  }

  /** Offset in `lists` of the list for the address in `words[at, at + 4)`. */
  find(words: Uint32Array, at: number): number {
    return this.prefixes.find(words, at)
  }

  /** The entries of all prefixes, in no particular order. */
  entries(): ReadonlySet<number> {
    const { lists } = this
    const found = new Set<number>()
    for (let at = 0; at < lists.length; at += 1 + lists[at]!) {
      for (let nth = 1; nth <= lists[at]!; nth++) found.add(lists[at + nth]!)
    }
    return found
  }

  /** Every address range, with the entries that cover it; not for the hot path. */
  *ranges(): Generator<{ readonly start: Address; readonly entries: readonly number[] }> {
    for (const { start, value } of this.prefixes.ranges()) {
      yield { start, entries: this.entriesIn(value) }
    }
  }

  /** The entries of a list, longest prefix first. */
  entriesIn(list: number): number[] {
    return [...this.lists.subarray(list + 1, list + 1 + this.lists[list]!)]
  }
}
