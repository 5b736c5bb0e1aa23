import { linesIn } from '../../zonefile/effective-zone.js'

/** So many lines are told one by one. */
const MAX_LINES = 1_000

/**
 * What an incremental transfer has changed, for who has the zone of before. The lines are those of
 * the zone's text; the SOA is not among them.
 */
export interface ZoneDelta {
  /** No longer there. */
  readonly removed: readonly string[]
  /** New, and behind the lines of before. */
  readonly added: readonly string[]
  /** Which line of the zone's text each of `added` is, from 1. */
  readonly lines: readonly number[]
  /** How many lines the text has more: what came and went at once is one, too. */
  readonly addedLines: number
}

/**
 * @param journal lines with `~`, `-` and `+` before them
 * @param first which line of the text the first one with `+` is
 * @returns undefined where there are over 1,000
 */
export function zoneDelta(journal: Uint8Array, first: number): ZoneDelta | undefined {
  if (linesIn(journal) > MAX_LINES) return undefined
  const removed = new Set<string>()
  const added = new Map<string, number>()
  let line = first
  for (const text of Buffer.from(journal).toString('latin1').split('\n')) {
    const record = text.slice(1)
    if (text.startsWith('+')) added.set(record, line++)
    // What came and went within it was never there for anybody.
    else if (text.startsWith('-') && !added.delete(record)) removed.add(record)
  }
  return {
    removed: [...removed],
    added: [...added.keys()],
    lines: [...added.values()],
    addedLines: line - first
  }
}
