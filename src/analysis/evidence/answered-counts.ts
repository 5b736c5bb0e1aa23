import type { Milliseconds } from '../../base/units.js'
import type { Enforcement, Window } from './enforcement.js'
import type { Gateway } from './rule-versions.js'

type TimesOfNetworks = Pick<Window, 'gateway' | 'from' | 'until' | 'networks'>

/**
 * Counts lookups that were answered, by the times between which a status can change: any window without the ban is
 * made of such times, so that the lookups themselves need not be kept.
 */
export class AnsweredCounts {
  /** In order. */
  private readonly bounds: Float64Array
  /** By gateway, network and the number of bounds at or before the lookup. */
  private readonly counts = new Map<string, number>()

  constructor(enforcement: Pick<Enforcement, 'segments' | 'states' | 'missing'>) {
    const { segments, states, missing } = enforcement
    const spans = [...states.values()].flatMap(networks => Object.values(networks).flat())
    const cuts = [...segments, ...missing, ...spans].flatMap(({ from, until }) => [from, until])
    this.bounds = Float64Array.from(new Set(cuts)).sort()
  }

  add(gateway: Gateway, network: string, at: Milliseconds): void {
    const key = keyOf(gateway, network, this.indexOf(at))
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
  }

  /** The number in a window, whose ends are bounds. */
  in({ gateway, from, until, networks }: TimesOfNetworks): number {
    const last = this.indexOf(until)
    let sum = 0
    for (const network of networks)
      for (let i = this.indexOf(from); i < last; i++)
        sum += this.counts.get(keyOf(gateway, network, i)) ?? 0
    return sum
  }

  /** The number of bounds at or before a time. */
  private indexOf(at: Milliseconds): number {
    const { bounds } = this
    let low = 0
    for (let high = bounds.length; low < high;) {
      const middle = (low + high) >> 1
      if (bounds[middle]! <= at) low = middle + 1
      else high = middle
    }
    return low
  }
}

const keyOf = (gateway: Gateway, network: string, index: number): string =>
  `${index} ${gateway ?? ''}\n${network}`
