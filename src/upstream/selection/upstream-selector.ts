import type { Milliseconds } from '../../base/units.js'
import type { UpstreamQuery, UpstreamGroup } from '../query/upstream-query.js'
import type { Upstream } from './upstream.js'

/**
 * One query in so many goes to another than the best upstream, each in turn, so that what is
 * known of their response times stays fresh.
 */
const EXPLORE_EVERY = 32

/** Those for whom nobody is left, since all who would be asked lead back here. */
export const ALL_LOOPING: UpstreamGroup = []

/** Chooses whom to ask: the fastest that answers. */
export class UpstreamSelector {
  private selections = 0

  /** The first upstream of a new inquiry. The group is not empty. */
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
   * The next one after a try that failed: those asked least, and among them the best. Undefined:
   * the network keeps us from all of them.
   */
  selectNext(asking: UpstreamQuery, now: Milliseconds): Upstream | undefined {
    let best: Upstream | undefined
    let least = Infinity
    for (const upstream of asking.group) {
      const times = asking.attemptsTo(upstream)
      if (times > least || asking.isUnreachable(upstream)) continue
      if (best !== undefined && times === least && !isBetter(upstream, best, now)) continue
      best = upstream
      least = times
    }
    return best
  }

  /** One that was not asked yet and can be expected to answer, for a second opinion. */
  selectUntried(asking: UpstreamQuery, now: Milliseconds): Upstream | undefined {
    const other = this.selectNext(asking, now)
    if (other === undefined || asking.attemptsTo(other) > 0) return undefined
    return other.isOutOfRotation(now) ? undefined : other
  }
}

/** Whether all of the group are down and each has been given its chance. */
export function areAllDown({ group, attemptCount: tries }: UpstreamQuery): boolean {
  return tries >= group.length && group.every(upstream => upstream.isDown)
}

/** Resting ones come last; among those, whoever is to be tried again first. */
function isBetter(a: Upstream, b: Upstream, now: Milliseconds): boolean {
  const aRests = a.isOutOfRotation(now)
  if (aRests !== b.isOutOfRotation(now)) return !aRests
  return aRests ? a.outUntil < b.outUntil : a.responseTime < b.responseTime
}
