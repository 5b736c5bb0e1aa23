import type { Prefix } from '../../../base/values/address.js'
import type { AtLine } from '../model/yaml-source.js'
import type { ListPart, NameSink, NameSource } from '../model/types.js'
import type { SourceFields } from './load-list.js'
import { PackedNames, type PackedMemory } from './packed-names.js'

/** A source with its names, to be sent to another thread. */
export interface PackedSourceData extends SourceFields {
  readonly names: PackedMemory
  readonly prefixes: readonly AtLine<Prefix>[]
}

/** Packs the names of a list's source. */
export function packSource(source: NameSource): PackedSourceData {
  const { id, title, file, part, expiries } = source
  const names = new PackedNames()
  const prefixes: AtLine<Prefix>[] = []
  source.writeTo({
    name: (octets, at, length, cover, line) => names.add(octets, at, length, cover, line),
    prefix: (value, line) => void prefixes.push({ value, line })
  })
  const bounds = { names: names.count, octets: names.nameOctets }
  return { id, title, file, bounds, expiries, part: part!, names: names.memory(), prefixes }
}

/** A source of a list that another thread has read. */
export class PackedSource implements NameSource {
  readonly kind = 'list'
  readonly id: string
  readonly title: string
  readonly file: string
  readonly bounds: NameSource['bounds']
  readonly part: ListPart
  readonly expiries: NameSource['expiries']
  private readonly names: PackedNames
  private readonly prefixes: readonly AtLine<Prefix>[]

  constructor({ id, title, file, bounds, part, expiries, names, prefixes }: PackedSourceData) {
    this.id = id
    this.title = title
    this.file = file
    this.bounds = bounds
    this.part = part
    this.expiries = expiries
    this.names = PackedNames.from(names)
    this.prefixes = prefixes
  }

  writeTo(sink: NameSink): void {
    this.names.forEach((octets, at, length, cover, line) => {
      sink.name(octets, at, length, cover, line)
    })
    for (const { value, line } of this.prefixes) sink.prefix(value, line)
  }
}
