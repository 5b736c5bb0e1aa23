import type { Octets } from '../../base/units.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import { COVER, type ListPart, type NameSink, type NameSource } from '../rules/model/types.js'
import { AddressTable } from '../tables/address-table.js'
import { entriesOf } from '../tables/entries.js'
import { NameTable } from '../tables/name-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import { allSources } from '../tables/source-table.js'

/** A name source without its names. */
export interface SourceFields extends Pick<
  NameSource,
  'id' | 'title' | 'file' | 'bounds' | 'expiries'
> {
  readonly part: ListPart
}

/**
 * A list, or a part of one, whose names are taken from an earlier snapshot. `compile` copies the
 * entries of all such sources in one pass, without reading or hashing a name.
 */
export class KeptSource implements NameSource {
  readonly kind = 'list'
  readonly id: string
  readonly title: string
  readonly file: string
  readonly part: ListPart
  readonly bounds: { readonly names: number; readonly octets: Octets }
  readonly expiries: NameSource['expiries']

  /** @param index in the source table of `snapshot` */
  constructor(
    readonly snapshot: Snapshot,
    readonly index: number,
    { id, title, file, part, bounds, expiries }: SourceFields
  ) {
    this.id = id
    this.title = title
    this.file = file
    this.expiries = expiries
    // A zone's records may have changed since it was read; the snapshot has the current ones.
    const data = snapshot.sources.localData.get(index)
    const { effect } = part
    this.part =
      data === undefined || typeof effect !== 'object'
        ? part
        : { ...part, effect: { ...effect, data } }
    this.bounds = { names: allSources(snapshot.sources).at(index)!.names, octets: bounds.octets }
  }

  /** Whether a name is covered. Takes microseconds, where `writeTo` passes through all names. */
  covers(name: Uint8Array): boolean {
    const { names } = this.snapshot
    const entries = entriesOf(this.snapshot)
    const table = new NameTable(names)
    const hashed = new HashedName()
    hashed.set(name, 0, names.seed)
    const coveredBy = (entry: number, ignored: number): boolean =>
      entry !== 0 && entries.lineOf(entry, this.index, ignored) !== -1
    for (let label = 0; label < hashed.labels; label++) {
      const ignored = label === 0 ? COVER.below : COVER.exact
      if (coveredBy(table.find(hashed, label), ignored)) return true
    }
    return coveredBy(table.root, hashed.labels === 0 ? COVER.below : COVER.exact)
  }

  writeTo(sink: NameSink): void {
    const { names, addresses } = this.snapshot
    const entries = entriesOf(this.snapshot)
    const prefixes = new AddressTable(addresses).entries()
    for (const entry of [...new NameTable(names).entries(), ...prefixes]) {
      for (const { ref, line } of entries.sourcesOf(entry)) {
        if (sourceOf(ref) !== this.index) continue
        const content = entries.contentOf(entry)
        if ('prefix' in content) sink.prefix(content.prefix, line)
        else sink.name(content.name, 0, content.name.length, coverOf(ref), line)
      }
    }
  }
}
