import { isBlobLine, LF } from './segment.js'

/** Stands for a line that cannot be read. */
const DAMAGED = '{}'

/**
 * The complete lines of a segment without its contents: events and lists of files, for a place that keeps the contents
 * of many histories together. A line that a crash has cut off stays one that cannot be read.
 */
export function eventLines(octets: Buffer): string[] {
  const lines: string[] = []
  for (let at = 0, end = octets.indexOf(LF); end !== -1; end = octets.indexOf(LF, at)) {
    const line = octets.subarray(at, end)
    at = end + 1
    if (line.length > 0 && !isBlobLine(line)) lines.push(readable(line.toString()))
  }
  return lines
}

function readable(line: string): string {
  try {
    JSON.parse(line)
    return line
  } catch {
    return DAMAGED
  }
}
