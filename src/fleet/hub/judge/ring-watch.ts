import * as z from 'zod'
import type { Counters } from '../../channel/wire.js'
import type { Counted } from '../inventory.js'
import { addTo, type NetworkTotals } from './recent-traffic.js'
import { countersOf, countersRow, NO_COUNTERS, rowOf, scaled, sum } from '../traffic-counts.js'

/**
 * What is counted from the start of a rollout in its ring (the canaries) and, in the same minutes, in later rings,
 * whose bundle does not change (the control group). Canary analysis as Kayenta and Argo Rollouts do it: both groups run
 * at the same time, and each gateway is also compared with itself.
 */

/** What a gateway counted since the start of a rollout. */
export interface Tally {
  readonly isControl: boolean
  readonly observed: Counters
  /** The part of `observed` for which something is known to compare it with. */
  readonly compared: Counters
  /** What was expected of that part, by the last bundle that was done. */
  readonly expected: Counters
  readonly restarts: number
}

const tally = z.tuple([z.boolean(), countersRow, countersRow, countersRow, z.int()])
const network = z.strictObject({ lookups: z.number(), blocked: z.number() })

export const watchSchema = z.strictObject({
  version: z.literal(1),
  serial: z.int(),
  since: z.string(),
  /** The bundle that was done before; null: none was. */
  done: z.int().nullable(),
  members: z.array(z.string()),
  later: z.array(z.string()),
  before: z.record(z.string(), countersRow),
  networksBefore: z.record(z.string(), network),
  networks: z.record(z.string(), network),
  tallies: z.record(z.string(), tally)
})
export type StoredWatch = z.output<typeof watchSchema>

export interface WatchStart {
  readonly serial: number
  readonly since: string
  readonly done: number | null
  /** Gateways of the ring that reported when it began. */
  readonly members: readonly string[]
  /** Later rings. */
  readonly later: readonly string[]
  /** What gateways of the ring and of later ones counted in the hour before. */
  readonly before: ReadonlyMap<string, Counters>
  readonly networksBefore: NetworkTotals
}

export class RingWatch {
  readonly networks: NetworkTotals = new Map()
  private readonly tallies = new Map<string, Tally>()

  constructor(readonly start: WatchStart) {}

  static restore(stored: StoredWatch): RingWatch {
    const watch = new RingWatch({
      ...stored,
      before: new Map(Object.entries(stored.before).map(([name, row]) => [name, countersOf(row)])),
      networksBefore: new Map(Object.entries(stored.networksBefore))
    })
    addTo(watch.networks, stored.networks)
    for (const [name, [isControl, observed, compared, expected, restarts]] of Object.entries(
      stored.tallies
    ))
      watch.tallies.set(name, {
        ...{ isControl, restarts },
        observed: countersOf(observed),
        compared: countersOf(compared),
        expected: countersOf(expected)
      })
    return watch
  }

  toJSON(): StoredWatch {
    const { serial, since, done, members, later, before, networksBefore } = this.start
    return {
      ...{ version: 1, serial, since, done, members: [...members], later: [...later] },
      before: Object.fromEntries([...before].map(([name, counts]) => [name, rowOf(counts)])),
      networksBefore: Object.fromEntries(networksBefore),
      networks: Object.fromEntries(this.networks),
      tallies: Object.fromEntries(
        [...this.tallies].map(([name, one]) => {
          const { isControl, observed, compared, expected, restarts } = one
          return [name, [isControl, rowOf(observed), rowOf(compared), rowOf(expected), restarts]]
        })
      )
    }
  }

  /**
   * @param isControl the gateway is of a later ring
   * @param usual what it counted in such an hour with the bundle before; undefined: not known
   */
  add(counted: Counted, isControl: boolean, usual: Counters | undefined): void {
    const { gateway, counts, networks, hasRestarted } = counted
    const none = NO_COUNTERS
    const found = this.tallies.get(gateway)
    const { observed, compared, expected, restarts } =
      found?.isControl === isControl
        ? found
        : { observed: none, compared: none, expected: none, restarts: 0 }
    this.tallies.set(gateway, {
      isControl,
      observed: sum(observed, counts),
      compared: usual === undefined ? compared : sum(compared, counts),
      expected: usual === undefined ? expected : sum(expected, scaled(usual, counts)),
      restarts: restarts + Number(hasRestarted)
    })
    if (!isControl) addTo(this.networks, networks)
  }

  /** What a gateway of the ring counted with the bundle; undefined: nothing. */
  observedOf(gateway: string): Counters | undefined {
    const found = this.tallies.get(gateway)
    return found?.isControl === false ? found.observed : undefined
  }

  /** Those of the ring, or the control group. */
  group(isControl: boolean): readonly Tally[] {
    return [...this.tallies.values()].filter(one => one.isControl === isControl)
  }

  /** Gateways of the ring that have restarted, most often first. */
  restarted(): readonly (readonly [gateway: string, restarts: number])[] {
    return [...this.tallies]
      .flatMap(([name, { isControl, restarts }]) =>
        isControl || restarts === 0 ? [] : [[name, restarts] as const]
      )
      .sort((a, b) => b[1] - a[1])
  }
}
