import type { Octets } from '../../base/units.js'
import { sha256Of } from '../../base/bytes/sha256.js'
import { Segment } from '../../policy/history/segment.js'
import { slicePath } from '../../lookups/central/history-layout.js'
import { inMemory, type ShippedFile } from './log-store.js'

/** A slice ends with the line that exceeds this. */
const MAX_SLICE: Octets = 1024 * 1024

/** Lines of a segment of the history that the centre does not have. */
export interface NextSlice {
  readonly file: ShippedFile
  /** Number of its last line in the segment. */
  readonly to: number
  /** SHA-256 of the contents that the lines refer to. */
  readonly contents: ReadonlySet<string>
}

/**
 * What a segment is known by at the centre: the SHA-256 of its first event, since two segments may begin with the same
 * list of files.
 *
 * @returns undefined: it has no event yet
 */
export function segmentId(lines: readonly string[]): string | undefined {
  const first = lines.find(line => /"at":"\d/.test(line))
  return first === undefined ? undefined : sha256Of(Buffer.from(first))
}

/**
 * The next lines of a segment.
 *
 * @param first see `segmentId`
 * @param lines of the segment, without contents
 * @param known how many of them the centre has
 * @returns undefined: it has all
 */
export function nextSlice(
  gateway: string,
  first: string,
  lines: readonly string[],
  known: number
): NextSlice | undefined {
  if (known >= lines.length) return undefined
  let [to, size]: [number, Octets] = [known, 0]
  while (to < lines.length && size <= MAX_SLICE) size += Buffer.byteLength(lines[to++]!) + 1
  const octets = Buffer.from(
    lines
      .slice(known, to)
      .map(line => `${line}\n`)
      .join('')
  )
  const place = { gateway, month: monthOf(lines), first, from: known + 1, to }
  const content = { sha256: sha256Of(octets), size: octets.length }
  const read = (offset: Octets): AsyncIterable<Buffer> => inMemory(octets, offset)
  const contents = Segment.parse(octets).references
  return { file: { path: slicePath(place), ...content, read }, to, contents }
}

/** The month of the first event. */
function monthOf(lines: readonly string[]): string {
  for (const line of lines) {
    const month = /"at":"(\d{4}-\d{2})-/.exec(line)?.[1]
    if (month !== undefined) return month
  }
  return '0000-00'
}
