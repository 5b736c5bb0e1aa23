import { showPrefix, type Prefix } from '../../base/values/address.js'
import { compilePrefixes } from '../../base/values/prefix-table.js'
import type { AddressTableBuffers } from '../tables/address-table.js'
import type { EntryBuilder } from './entry-builder.js'

/** Collects the prefixes of all sources; each distinct prefix becomes one entry. */
export class AddressTableBuilder {
  private readonly byText = new Map<
    string,
    { prefix: Prefix; sources: [ref: number, line: number][] }
  >()

  add(prefix: Prefix, ref: number, line: number): void {
    const text = showPrefix(prefix)
    const known = this.byText.get(text)
    if (known !== undefined) known.sources.push([ref, line])
    else this.byText.set(text, { prefix, sources: [[ref, line]] })
  }

  /** @param entries receives the prefixes' entries, after the entries of all names, which have bounds */
  finish(entries: EntryBuilder): AddressTableBuffers {
    const all = [...this.byText.values()]
    const entryOf = all.map(({ prefix, sources }) => {
      const entry = entries.createPrefix(prefix)
      for (const [ref, line] of sources) entries.addSource(entry, ref, line)
      return entry
    })
    const lists: number[] = []
    const compiled = compilePrefixes(
      all.map(({ prefix }) => prefix),
      covering => {
        const list = lists.length
        lists.push(covering.length, ...covering.map(index => entryOf[index]!))
        return list
      }
    )
    const buffer = new SharedArrayBuffer(4 * lists.length)
    new Int32Array(buffer).set(lists)
    return { prefixes: compiled, lists: buffer }
  }
}
