import type { Position } from '../../../base/errors/position.js'
import type { Prefix } from '../../../base/values/address.js'

/** An autonomous system that rules name, shared by all of them. */
export interface AsnPrefixes {
  readonly asn: number
  /** Empty until the database was read, after all rules. */
  prefixes: readonly Prefix[]
}

/** Where rules name an autonomous system. */
export interface AsnUse {
  readonly system: AsnPrefixes
  readonly position: Position
  /** `networks.local.bans[0].addresses[1]` */
  readonly path: string
}

/** The autonomous systems that rules name. One reading of the database serves them all. */
export class AsnRegistry {
  /** The first use of each, by number. */
  private readonly first = new Map<number, AsnUse>()

  use(asn: number, position: Position, path: string): AsnPrefixes {
    const known = this.first.get(asn)
    if (known !== undefined) return known.system
    const system: AsnPrefixes = { asn, prefixes: [] }
    this.first.set(asn, { system, position, path })
    return system
  }

  /** By number. */
  get uses(): readonly AsnUse[] {
    return [...this.first.values()].sort((a, b) => a.system.asn - b.system.asn)
  }
}
