import { rm, stat } from 'node:fs/promises'
import type { Milliseconds } from '../../base/units.js'
import { HistoryFolder } from './history-folder.js'
import type { Segment } from './segment.js'

/** Contents are written before the event that refers to them. */
const UNREFERENCED_FOR: Milliseconds = 86_400_000

/**
 * Removes segments of which nothing was in force at or after a time, and long contents that no event refers to any more.
 * A gateway may append meanwhile: the newest segment always stays. Throws the system's error.
 *
 * @returns the number of files removed
 */
export async function expireHistory(
  path: string,
  before: Milliseconds,
  now: Milliseconds
): Promise<number> {
  const folder = new HistoryFolder(path)
  const numbers = await folder.segments()
  const segments: Segment[] = []
  for (const number of numbers) segments.push(await folder.readSegment(number))
  // What decided at that time is in the last segment that begins before it.
  const kept = Math.max(
    0,
    segments.findLastIndex(segment => begin(segment) <= before)
  )
  for (const number of numbers.slice(0, kept)) await rm(folder.segmentPath(number))
  const references = new Set(segments.slice(kept).flatMap(({ references }) => [...references]))
  let removed = kept
  for (const sha256 of await folder.objectNames()) {
    if (references.has(sha256)) continue
    const file = folder.objectPath(sha256)
    if (now - (await stat(file)).mtimeMs < UNREFERENCED_FOR) continue
    await rm(file)
    removed++
  }
  return removed
}

function begin({ events: [first] }: Segment): Milliseconds {
  return first === undefined ? Infinity : Date.parse(first.event.at)
}
