import { countLines } from '../../wire/zonefile/effective-zone.js'

/** Maximum number of lines listed one by one. */
const MAX_LINES = 1_000

/**
 * The changes of an incremental transfer, for readers of the previous version. The lines are those
 * of the zone text, without the SOA.
 */
export interface ZoneDelta {
  /** Lines no longer present. */
  readonly removed: readonly string[]
  /** New lines, which follow the previous ones. */
  readonly added: readonly string[]
  /** Line number in the zone text for each of `added`, from 1. */
  readonly lines: readonly number[]
  /**
   * Number of lines added to the text, including records added and removed in the same transfer.
   */
  readonly addedLines: number
}

/**
 * @param journal lines starting with `~`, `-` or `+`
 * @param first line number in the text of the first line with `+`
 * @returns undefined for more than 1,000 lines
 */
export function zoneDelta(journal: Uint8Array, first: number): ZoneDelta | undefined {
  if (countLines(journal) > MAX_LINES) return undefined
  const removed = new Set<string>()
  const added = new Map<string, number>()
  let line = first
  for (const text of Buffer.from(journal).toString('latin1').split('\n')) {
    const record = text.slice(1)
    if (text.startsWith('+')) added.set(record, line++)
    // A record added and removed in the same transfer was never visible.
    else if (text.startsWith('-') && !added.delete(record)) removed.add(record)
  }
  return {
    removed: [...removed],
    added: [...added.keys()],
    lines: [...added.values()],
    addedLines: line - first
  }
}
