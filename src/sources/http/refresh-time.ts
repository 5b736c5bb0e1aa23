import { doublingDelay } from '../../base/time/doubling-delay.js'
import type { Milliseconds } from '../../base/units.js'
import type { RemoteList } from '../../policy/rules/lists/remote-list.js'
import type { CopyRecord } from './list-copies.js'

/** Delay after a failure, doubled with each further failure. */
const MIN_RETRY: Milliseconds = 60_000
const MAX_RETRY: Milliseconds = 3_600_000
/** Random part of a delay, so that gateways do not all download at once. */
const JITTER = 0.1

/**
 * When to update a list next, in wall-clock time.
 *
 * @param now bounds the delay if the clock was set back
 * @param random at least 0, less than 1
 */
export function nextRefresh(
  { refresh }: Pick<RemoteList, 'refresh'>,
  { tried, failures }: Pick<CopyRecord, 'tried' | 'failures'>,
  now: Milliseconds,
  random: () => number
): Milliseconds {
  const last = Date.parse(tried)
  if (!(last <= now)) return now
  const wait =
    failures === 0 ? refresh : doublingDelay(failures, MIN_RETRY, Math.min(MAX_RETRY, refresh))
  return last + wait * (1 - JITTER + 2 * JITTER * random())
}
