import * as z from 'zod'
import type { Counters } from '../../channel/wire.js'
import { countersOf, countersRow, NO_COUNTERS, rowOf, sum } from '../traffic-counts.js'
import type { Counted, NetworkCounts } from '../inventory.js'

/** Counts of a clock hour and of the one before, with one bundle. */
interface Hours<T> {
  hour: number
  serial: number | null
  counts: T
  earlier: T
}

/** An hour that has ended. */
export interface EndedHour {
  readonly gateway: string
  readonly ring: string
  readonly hour: number
  readonly serial: number | null
  readonly counts: Counters
}

export type NetworkTotals = Map<string, NetworkCounts>

const row = z.tuple([z.int(), z.int().nullable(), countersRow, countersRow])
export const recentSchema = z.record(z.string(), row)

/** What gateways counted lately: in this hour and in the one before it. */
export class RecentTraffic {
  private readonly gateways = new Map<string, Hours<Counters>>()
  private readonly rings = new Map<string, Hours<NetworkTotals>>()

  /** @param onHour called when a gateway reports for the first time in a new hour */
  constructor(private readonly onHour: (ended: EndedHour) => void) {}

  add({ gateway, ring, serial, isSteady, counts, networks }: Counted, hour: number): void {
    const found = this.gateways.get(gateway)
    if (found?.serial !== serial || !isSteady) {
      // Counts since the last report may belong to either bundle.
      const none = NO_COUNTERS
      this.gateways.set(gateway, { hour, serial, counts: none, earlier: none })
      return
    }
    if (hour > found.hour) {
      this.onHour({ gateway, ring, hour: found.hour, serial, counts: found.counts })
      found.earlier = hour === found.hour + 1 ? found.counts : NO_COUNTERS
      Object.assign(found, { hour, counts: NO_COUNTERS })
    }
    found.counts = sum(found.counts, counts)
    this.addNetworks(ring, serial, networks, hour)
  }

  /** Of a gateway, with the bundle that it ran last. @returns undefined: nothing was counted with this bundle */
  before(gateway: string, serial?: number | null): Counters | undefined {
    const found = this.gateways.get(gateway)
    if (found === undefined || (serial !== undefined && found.serial !== serial)) return undefined
    const counts = sum(found.earlier, found.counts)
    return counts.lookups === 0 ? undefined : counts
  }

  /** By network, of all gateways of a ring that run this bundle. */
  networksBefore(ring: string, serial?: number | null): NetworkTotals {
    const found = this.rings.get(ring)
    if (found === undefined || (serial !== undefined && found.serial !== serial)) return new Map()
    const all = new Map(found.earlier)
    addTo(all, Object.fromEntries(found.counts))
    return all
  }

  /** What a restart needs; counts of networks start over. */
  toJSON(): z.output<typeof recentSchema> {
    return Object.fromEntries(
      [...this.gateways].map(([name, { hour, serial, counts, earlier }]) => {
        return [name, [hour, serial, rowOf(counts), rowOf(earlier)]]
      })
    )
  }

  restore(stored: z.output<typeof recentSchema>): void {
    for (const [name, [hour, serial, counts, earlier]] of Object.entries(stored))
      this.gateways.set(name, {
        ...{ hour, serial },
        ...{ counts: countersOf(counts), earlier: countersOf(earlier) }
      })
  }

  private addNetworks(
    ring: string,
    serial: number | null,
    networks: Counted['networks'],
    hour: number
  ): void {
    let found = this.rings.get(ring)
    if (found?.serial !== serial) {
      // Gateways change one by one: the ring has a bundle once the newest one is counted.
      if (found?.serial != null && (serial ?? 0) < found.serial) return
      found = { hour, serial, counts: new Map(), earlier: new Map() }
      this.rings.set(ring, found)
    }
    if (hour > found.hour) {
      found.earlier = hour === found.hour + 1 ? found.counts : new Map<string, NetworkCounts>()
      Object.assign(found, { hour, counts: new Map() })
    }
    addTo(found.counts, networks)
  }
}

export function addTo(totals: NetworkTotals, networks: Counted['networks']): void {
  for (const [name, { lookups, blocked }] of Object.entries(networks)) {
    const before = totals.get(name) ?? { lookups: 0, blocked: 0 }
    totals.set(name, { lookups: before.lookups + lookups, blocked: before.blocked + blocked })
  }
}
