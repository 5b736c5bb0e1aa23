import type { Milliseconds } from '../../../base/units.js'
import type { UpstreamQuery, UpstreamGroup } from './upstream-query.js'
import type { Upstream } from '../selection/upstream.js'

/**
 * One query in this many goes to an upstream other than the best, each in turn, so that their
 * response times stay up to date.
 */
const EXPLORE_EVERY = 32

/** The group of a domain whose upstreams all forward back to this resolver. */
export const ALL_LOOPING: UpstreamGroup = []
/** The group of all names under forwarders that are not in use here. */
export const UNKNOWN_SET: UpstreamGroup = []

/** Selects the fastest upstream that is up. */
export class UpstreamSelector {
  private selections = 0

  /** The upstream for the first attempt. The group must not be empty. */
  selectFirst(group: UpstreamGroup, now: Milliseconds): Upstream {
    if (group.length === 1) return group[0]!
    if (++this.selections % EXPLORE_EVERY === 0) {
      const other = group[(this.selections / EXPLORE_EVERY) % group.length]!
      if (!other.isOutOfRotation(now)) return other
    }
    let best = group[0]!
    for (let i = 1; i < group.length; i++) if (isBetter(group[i]!, best, now)) best = group[i]!
    return best
  }

  /**
   * The upstream to fail over to: of those with the fewest attempts, the best. Undefined: all of them
   * are unreachable.
   */
  selectNext(query: UpstreamQuery, now: Milliseconds): Upstream | undefined {
    let best: Upstream | undefined
    let least = Infinity
    for (const upstream of query.group) {
      const attempts = query.attemptsTo(upstream)
      if (attempts > least || query.isUnreachable(upstream)) continue
      if (best !== undefined && attempts === least && !isBetter(upstream, best, now)) continue
      best = upstream
      least = attempts
    }
    return best
  }

  /** The best upstream without an attempt, for another opinion on an error. */
  selectUntried(query: UpstreamQuery, now: Milliseconds): Upstream | undefined {
    const other = this.selectNext(query, now)
    return other === undefined || query.attemptsTo(other) > 0 ? undefined : other
  }
}

/** Whether all upstreams of the group are down and each may have had an attempt. */
export function areAllDown({ group, attemptCount }: UpstreamQuery): boolean {
  return attemptCount >= group.length && group.every(upstream => upstream.isDown)
}

/** Upstreams out of rotation come last, ordered by when they return. */
function isBetter(a: Upstream, b: Upstream, now: Milliseconds): boolean {
  const isAOut = a.isOutOfRotation(now)
  if (isAOut !== b.isOutOfRotation(now)) return !isAOut
  return isAOut ? a.outOfRotationUntil < b.outOfRotationUntil : a.responseTime < b.responseTime
}
