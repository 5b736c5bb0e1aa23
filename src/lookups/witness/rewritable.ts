import type { Milliseconds } from '../../base/units.js'

/** A line of the chain that a witness has confirmed. Times are wall-clock times. */
export interface ConfirmedLine {
  readonly n: number
  /** When a witness confirmed it, by the clock of the witness. */
  readonly at: Milliseconds
  /** The time up to which the line covers lookups, by the clock of the gateway. */
  readonly covers: Milliseconds
}

/** A period whose lookups could be rewritten until its end, by anyone with the keys of the gateway. */
export interface RewritableTime {
  readonly from: Milliseconds
  /** Undefined: they still can be. */
  readonly until: Milliseconds | undefined
}

/**
 * The periods whose lookups the gateway alone could have rewritten, each until a witness confirmed them: one before each
 * confirmed line, and one after the last.
 *
 * @param began when the chain began; -Infinity: with lookups that were there before
 */
export function rewritableTimes(
  lines: readonly ConfirmedLine[],
  began: Milliseconds
): RewritableTime[] {
  const sorted = [...lines].sort((a, b) => a.n - b.n)
  // A line is confirmed as soon as any later line is, since the hash of that line covers it.
  let earliest = Infinity
  const fixed = sorted.map(line => line.at)
  for (let i = fixed.length - 1; i >= 0; i--) fixed[i] = earliest = Math.min(earliest, fixed[i]!)
  const times: RewritableTime[] = []
  let from = began
  for (const [i, { covers }] of sorted.entries()) {
    const until = fixed[i]!
    times.push({ from: Math.min(from, until), until })
    // The gateway cannot have covered lookups that came after the confirmation.
    from = Math.max(from, Math.min(covers, until))
  }
  return [...times, { from, until: undefined }]
}

/**
 * The longest ones: longer than a limit, and joined where they overlap. The one that lasts stays apart, so that a time
 * which a late receipt has ended is not taken for one that waits for its receipt.
 *
 * @param now ends the one that lasts
 */
export function longerThan(
  times: readonly RewritableTime[],
  limit: Milliseconds,
  now: Milliseconds
): RewritableTime[] {
  const joined: RewritableTime[] = []
  for (const time of times.filter(({ from, until = now }) => until - from > limit)) {
    const last = joined.at(-1)
    const { from, until } = time
    if (last?.until === undefined || until === undefined || last.until < from) joined.push(time)
    else joined[joined.length - 1] = { from: last.from, until: Math.max(last.until, until) }
  }
  return joined
}
