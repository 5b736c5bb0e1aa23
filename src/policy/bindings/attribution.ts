import type { Milliseconds } from '../../base/units.js'
import { isOtherDevice, mergeFacts, type Binding, type DeviceFacts } from './binding.js'

/**
 * Why it is not known which device had an address.
 *
 * `none`        no feed has a binding of the address for that time
 * `ambiguous`   two devices within the clock skew, or two feeds contradict each other
 * `feed-down`   the feed did not work at that time
 * `no-history`  nothing was recorded at that time
 */
export type UnknownReason = 'none' | 'ambiguous' | 'feed-down' | 'no-history'

/** Which device had an address at a time. */
export type Attribution =
  | {
      readonly status: 'known'
      readonly device: DeviceFacts
      readonly bindings: readonly Binding[]
    }
  | { readonly status: 'unknown'; readonly reason: UnknownReason }

export const unknown = (reason: UnknownReason): Attribution => ({ status: 'unknown', reason })

/** What an attribution takes into account. */
export interface AttributionTime {
  readonly at: Milliseconds
  /** By how much the clocks of feeds, and so the times of bindings, may be wrong. */
  readonly skew: Milliseconds
  /** Until when all bindings are known: now. */
  readonly knownUntil: Milliseconds
  /** Whether a feed worked around that time. */
  readonly isUp: (source: string) => boolean
}

/**
 * The device that had an address. Every binding whose time, give or take the skew, includes the time is a candidate: only if all
 * candidates are of the same device, it is that one.
 *
 * @param bindings of the address
 */
export function attribute(bindings: readonly Binding[], time: AttributionTime): Attribution {
  const { at, skew, knownUntil, isUp } = time
  const candidates = bindings.filter(({ from, until }) => from <= at + skew && until >= at - skew)
  const [first] = candidates
  if (first === undefined) return unknown('none')
  if (candidates.some(({ source }) => !isUp(source))) return unknown('feed-down')
  if (hasConflict(candidates)) return unknown('ambiguous')
  const covering = candidates.filter(({ from, until }) => from <= at && at < until)
  // The next tenant may not be known yet.
  const endsSoon = covering.some(({ until }) => until <= at + skew)
  if (covering.length === 0 || (at + skew > knownUntil && endsSoon)) return unknown('ambiguous')
  return { status: 'known', device: mergeFacts(covering), bindings: covering }
}

/** Whether some of the bindings are of different devices. */
export function hasConflict(bindings: readonly Binding[]): boolean {
  return bindings.some((one, i) => bindings.slice(i + 1).some(other => isOtherDevice(one, other)))
}
