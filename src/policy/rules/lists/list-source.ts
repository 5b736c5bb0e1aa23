import type { Prefix } from '../../../base/values/address.js'
import type { Octets } from '../../../base/units.js'
import type { AtLine } from '../model/yaml-source.js'
import type { NameSink, NameSource, ListPart, ListReply } from '../model/types.js'
import type { ListCollector, ActionGroup } from './list-collector.js'
import type { Expiries } from '../model/expiries.js'
import { orderByExpiry } from './formats/expiring-names.js'
import { groupRecords } from './group-records.js'
import type { ListLayers } from './list-layers.js'
import type { ListAction } from './line-reader.js'
import type { PackedNames } from './packed-names.js'

/** Calls `visit` for each name that a file just blocks, reading the file's octets again. */
export type ForEachBlocked = (visit: NameSink['name']) => void

/** What a list file just blocks: kept as the octets of the file until the names are needed. */
export class BlockedSource implements NameSource {
  readonly kind = 'list'
  readonly part: ListPart
  readonly bounds: { readonly names: number; readonly octets: Octets }
  private readonly prefixes: readonly AtLine<Prefix>[]

  constructor(
    readonly id: string,
    readonly title: string,
    readonly file: string,
    { blockedNames: names, blockedOctets: octets, blockedPrefixes: prefixes }: ListCollector,
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

/** Names of a list file that have the same action, other than being just blocked. */
export class ActionSource implements NameSource {
  readonly kind = 'list'
  readonly part: ListPart
  readonly expiries: Expiries | undefined
  private readonly names: PackedNames
  private readonly prefixes: readonly AtLine<Prefix>[]

  constructor(
    readonly id: string,
    readonly title: string,
    readonly file: string,
    { action, names, prefixes, expiries }: ActionGroup & { readonly expiries: Uint32Array }
  ) {
    const { qtypes, prefixes: clients, tlp } = action
    const grouped = action.kind === 'data' ? groupRecords(names) : undefined
    const ordered = expiries.length > 0 ? orderByExpiry(names, prefixes, expiries) : undefined
    this.names = grouped?.names ?? ordered?.names ?? names
    this.expiries = ordered?.expiries
    this.prefixes = prefixes
    this.part = {
      list: title,
      effect: partAction(action, grouped?.data),
      ...(qtypes && { qtypes }),
      ...(clients && { prefixes: clients }),
      ...(tlp && { tlp })
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

function partAction({ kind }: ListAction, data: ListReply['data']): ListPart['effect'] {
  if (data !== undefined) return { action: 'data', data }
  return kind === 'rule' || kind === 'pass' ? kind : { action: kind as ListReply['action'] }
}
