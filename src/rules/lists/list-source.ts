import type { Prefix } from '../../base/address.js'
import type { Octets } from '../../base/units.js'
import type { AtLine } from '../model/yaml-source.js'
import type { NameSink, NameSource, ListPart, ListReply } from '../model/types.js'
import type { ListCollector, ActionGroup } from './list-collector.js'
import { groupRecords } from './group-records.js'
import type { ListLayers } from './list-layers.js'
import type { ListAction } from './line-reader.js'
import type { PackedNames } from './packed-names.js'

/** Gives the names that a file simply blocks, from its octets. */
export type ForEachBlocked = (each: NameSink['name']) => void

/** What a file of a list simply blocks: kept as the file's octets until the names are wanted. */
export class BlockedSource implements NameSource {
  readonly kind = 'list'
  readonly part: ListPart
  readonly bounds: { readonly names: number; readonly octets: Octets }
  private readonly prefixes: readonly AtLine<Prefix>[]

  constructor(
    readonly id: string,
    readonly title: string,
    readonly file: string,
    { names, octets, prefixes }: ListCollector,
    private readonly forEachBlocked: ForEachBlocked,
    private readonly layers: ListLayers
  ) {
    this.part = { list: title, effect: 'rule' }
    this.bounds = { names, octets }
    this.prefixes = prefixes
  }

  writeTo(sink: NameSink): void {
    const { layers } = this
    if (layers.isEmpty)
      this.forEachBlocked((octets, at, length, cover, line) => {
        sink.name(octets, at, length, cover, line)
      })
    else
      this.forEachBlocked((octets, at, length, cover, line) => {
        if (!layers.isExcluded(octets, length, cover)) sink.name(octets, at, length, cover, line)
      })
    for (const { value, line } of this.prefixes) sink.prefix(value, line)
  }
}

/** Names of which a file of a list says the same, other than that they are blocked. */
export class ActionSource implements NameSource {
  readonly kind = 'list'
  readonly part: ListPart
  private readonly names: PackedNames
  private readonly prefixes: readonly AtLine<Prefix>[]

  constructor(
    readonly id: string,
    readonly title: string,
    readonly file: string,
    { action: saying, names, prefixes }: ActionGroup
  ) {
    const { qtypes, prefixes: clients } = saying
    const grouped = saying.action === 'data' ? groupRecords(names) : undefined
    this.names = grouped?.names ?? names
    this.prefixes = prefixes
    this.part = {
      list: title,
      effect: partAction(saying, grouped?.data),
      ...(qtypes && { qtypes }),
      ...(clients && { prefixes: clients })
    }
  }

  get bounds(): { readonly names: number; readonly octets: Octets } {
    return { names: this.names.count, octets: this.names.nameOctets }
  }

  writeTo(sink: NameSink): void {
    this.names.forEach((octets, at, length, cover, line) => {
      sink.name(octets, at, length, cover, line)
    })
    for (const { value, line } of this.prefixes) sink.prefix(value, line)
  }
}

function partAction({ action: says }: ListAction, data: ListReply['data']): ListPart['effect'] {
  if (data !== undefined) return { action: 'data', data }
  return says === 'rule' || says === 'pass' ? says : { action: says as ListReply['action'] }
}
