import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import type { RecordNode } from '../model/types.js'
import { ZoneIndex, type AnsweredZone } from './local-zones.js'
import { encodeNode, NODE, type NodeRecord, type NodeZone } from './record-nodes.js'
import {
  isWildcard,
  keyOf,
  parentOf,
  RECORD_TTL,
  type RecordOwner,
  type RecordOwners
} from './record-owners.js'

/** A node, and the source to which it belongs. */
export interface PlacedNode extends RecordNode {
  readonly source: number
}

/**
 * Makes the nodes of a network: what a query for a name, or for one below it, gets. The longest match decides, so
 * a name that exists ends the search for a wildcard by a node of its own: RFC 4592 §3.3.1.
 *
 * @param own zones of the network; @param inherited those of networks that it extends, and of `defaults`
 */
export function buildNodes(
  owners: RecordOwners,
  own: readonly AnsweredZone[],
  inherited: readonly AnsweredZone[]
): PlacedNode[] {
  return new NodeBuilder(owners, own, inherited).build()
}

class NodeBuilder {
  private readonly nodes = new Map<string, PlacedNode>()
  private readonly zones: ZoneIndex
  /** The names above the wildcards. */
  private readonly wildcardParents: ReadonlySet<string>

  constructor(
    private readonly owners: RecordOwners,
    private readonly own: readonly AnsweredZone[],
    inherited: readonly AnsweredZone[]
  ) {
    this.zones = new ZoneIndex([...own, ...inherited])
    const wild = owners.all().filter(({ name }) => isWildcard(name))
    this.wildcardParents = new Set(wild.map(({ name }) => keyOf(parentOf(name)!)))
  }

  build(): PlacedNode[] {
    for (const owner of this.owners.all()) this.addOwner(owner)
    for (const owner of this.owners.all()) this.addEmptyNonTerminals(owner)
    for (const zone of this.own) this.addZone(zone)
    for (const node of [...this.nodes.values()]) if (node.cover === 'exact') this.endSearch(node)
    return [...this.nodes.values()]
  }

  private addOwner({ name, records, source, line }: RecordOwner): void {
    const isWild = isWildcard(name)
    const place = { name: isWild ? parentOf(name)! : name, source, line }
    const zone = this.zones.zoneOf(place.name)
    this.add(place, isWild ? 'below' : 'exact', 0, zone?.node, records)
  }

  /** Names without records of their own that have some below them exist. RFC 8020 §2. */
  private addEmptyNonTerminals({ name: owner, source, line }: RecordOwner): void {
    const zone = this.zones.zoneOf(owner)
    if (zone === undefined) return
    let name = parentOf(owner)
    for (; name !== undefined && name.length > zone.name.length; name = parentOf(name))
      this.add({ name, source, line }, 'exact', 0, zone.node, [])
  }

  private addZone({ name, type, source, line, node }: AnsweredZone): void {
    const place = { name, source, line }
    if (type === 'static') this.add(place, 'below', NODE.nxdomain, node, [])
    else if (type === 'redirect') {
      const records = this.owners.get(name)?.records ?? []
      const ofAll = records.filter(one => one.type !== RRTYPE.SOA && one.type !== RRTYPE.NS)
      this.add(place, 'below', 0, node, ofAll)
    } else {
      this.add(place, 'exact', NODE.pass, undefined, [])
      this.add(place, 'below', NODE.pass, undefined, [])
    }
  }

  /** A name that exists keeps a wildcard above it from the names below it. */
  private endSearch({ name, source, line, octets }: PlacedNode): void {
    if (octets[0] === NODE.pass) return
    let above = parentOf(name)
    while (above !== undefined && !this.wildcardParents.has(keyOf(above))) above = parentOf(above)
    if (above === undefined) return
    const zone = this.zones.zoneOf(name)
    if (zone?.type === 'redirect') return
    const flags = zone === undefined ? NODE.pass : NODE.nxdomain
    this.add({ name, source, line }, 'below', flags, zone?.node, [])
  }

  /** Adds a node, unless there is one. */
  private add(
    place: Pick<PlacedNode, 'name' | 'source' | 'line'>,
    cover: PlacedNode['cover'],
    flags: number,
    zone: NodeZone | undefined,
    records: readonly NodeRecord[]
  ): void {
    const key = `${cover} ${keyOf(place.name)}`
    if (this.nodes.has(key)) return
    this.nodes.set(key, { ...place, cover, octets: encodeNode(flags, zone, RECORD_TTL, records) })
  }
}
