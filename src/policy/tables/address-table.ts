import { showPrefix, type Address, type Prefix } from '../../base/address.js'
import { compilePrefixes, PrefixTable, type PrefixTableBuffers } from '../../base/prefix-table.js'
import type { EntryBuilder } from '../compile/entry-builder.js'

/** The table of sources' prefixes as shared memory, as other threads get it. */
export interface AddressTableBuffers {
  readonly prefixes: PrefixTableBuffers
  /** `[count, record …]`: records of the prefixes that cover an address, longest first. */
  readonly lists: SharedArrayBuffer
}

/** Finds the records of the prefixes that cover an address: what a suffix walk is for names. */
export class AddressTable {
  private readonly prefixes: PrefixTable
  /** Each list is a count and so many records. */
  readonly lists: Int32Array

  constructor(buffers: AddressTableBuffers) {
    this.prefixes = new PrefixTable(buffers.prefixes)
    this.lists = new Int32Array(buffers.lists)
  }

  /** Place in `lists` of the list for the address in `words[at, at + 4)`. */
  find(words: Uint32Array, at: number): number {
    return this.prefixes.find(words, at)
  }

  /** Every address range with the records that cover it, for dumps. */
  *ranges(): Generator<{ readonly start: Address; readonly records: readonly number[] }> {
    for (const { start, value } of this.prefixes.ranges()) {
      yield { start, records: this.entriesIn(value) }
    }
  }

  /** The records in a list, longest prefix first. */
  entriesIn(list: number): number[] {
    return [...this.lists.subarray(list + 1, list + 1 + this.lists[list]!)]
  }
}

/** Gathers prefixes while sources are poured; each becomes one record. */
export class AddressTableBuilder {
  private readonly byText = new Map<
    string,
    { prefix: Prefix; members: [member: number, line: number][] }
  >()

  add(prefix: Prefix, member: number, line: number): void {
    const text = showPrefix(prefix)
    const known = this.byText.get(text)
    if (known !== undefined) known.members.push([member, line])
    else this.byText.set(text, { prefix, members: [[member, line]] })
  }

  /** @param records gets the records of prefixes, after those of all names, whose room is counted */
  finish(records: EntryBuilder): AddressTableBuffers {
    const all = [...this.byText.values()]
    const recordOf = all.map(({ prefix, members }) => {
      const record = records.createPrefix(prefix)
      for (const [member, line] of members) records.addSource(record, member, line)
      return record
    })
    const lists: number[] = []
    const compiled = compilePrefixes(
      all.map(({ prefix }) => prefix),
      covering => {
        const list = lists.length
        lists.push(covering.length, ...covering.map(index => recordOf[index]!))
        return list
      }
    )
    const buffer = new SharedArrayBuffer(4 * lists.length)
    new Int32Array(buffer).set(lists)
    return { prefixes: compiled, lists: buffer }
  }
}
