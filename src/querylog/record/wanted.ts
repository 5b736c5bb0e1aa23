import { VERDICT } from './query-event.js'

/**
 * Which lookups the query log has: `log.queries`.
 *
 * `blocked` those that policy answered or, in monitor mode, would have answered
 * `all`     every one that got as far as a verdict
 * `none`    none
 */
export type Which = 'blocked' | 'all' | 'none'

/**
 * Whether a lookup goes into the log. Asked by the worker before it pushes, so that what nobody
 * wants costs nothing. REFUSED clients are in `all` only: anybody can send such queries, from
 * any forged address, and would fill the disk with them.
 */
export function wanted(which: Which, verdict: number): boolean {
  switch (which) {
    case 'blocked':
      return verdict === VERDICT.blocked || verdict === VERDICT.monitored
    case 'all':
      return true
    case 'none':
      return false
  }
}
