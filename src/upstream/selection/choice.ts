import type { Milliseconds } from '../../base/units.js'
import type { Asking, Group } from '../query/asking.js'
import type { Upstream } from './upstream.js'

/**
 * One query in so many goes to another than the best upstream, each in turn, so that what is
 * known of their response times stays fresh.
 */
const EXPLORE_EVERY = 32

/** Those for whom nobody is left, since all who would be asked lead back here. */
export const LOOPED: Group = []

/** Chooses whom to ask: the fastest that answers. */
export class Choice {
  private turns = 0

  /** The first upstream of a new inquiry. The group is not empty. */
  first(group: Group, now: Milliseconds): Upstream {
    if (group.length === 1) return group[0]!
    if (++this.turns % EXPLORE_EVERY === 0) {
      const other = group[(this.turns / EXPLORE_EVERY) % group.length]!
      if (!other.isResting(now)) return other
    }
    let best = group[0]!
    for (let i = 1; i < group.length; i++) if (isBetter(group[i]!, best, now)) best = group[i]!
    return best
  }

  /**
   * The next one after a try that failed: those asked least, and among them the best. Undefined:
   * the network keeps us from all of them.
   */
  next(asking: Asking, now: Milliseconds): Upstream | undefined {
    let best: Upstream | undefined
    let least = Infinity
    for (const upstream of asking.group) {
      const times = asking.timesAsked(upstream)
      if (times > least || asking.isCutOff(upstream)) continue
      if (best !== undefined && times === least && !isBetter(upstream, best, now)) continue
      best = upstream
      least = times
    }
    return best
  }

  /** One that was not asked yet and can be expected to answer, for a second opinion. */
  another(asking: Asking, now: Milliseconds): Upstream | undefined {
    const other = this.next(asking, now)
    if (other === undefined || asking.timesAsked(other) > 0) return undefined
    return other.isResting(now) ? undefined : other
  }
}

/** Whether all of the group are down and each has been given its chance. */
export function isHopeless({ group, tries }: Asking): boolean {
  return tries >= group.length && group.every(upstream => upstream.down)
}

/** Resting ones come last; among those, whoever is to be tried again first. */
function isBetter(a: Upstream, b: Upstream, now: Milliseconds): boolean {
  const aRests = a.isResting(now)
  if (aRests !== b.isResting(now)) return !aRests
  return aRests ? a.restsUntil < b.restsUntil : a.smoothed < b.smoothed
}
