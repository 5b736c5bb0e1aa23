import type { Octets } from '../../../base/units.js'

const LF = 0x0a
/** Longest excerpt. */
const MAX_SHOWN = 60

/** Finds lines of a file by their numbers, for messages. Fast if these only grow. */
export class LineExcerpts {
  private line = 1
  private start: Octets = 0

  constructor(private readonly octets: Uint8Array) {}

  /** @param line from 1 */
  at(line: number): string {
    if (line < this.line) this.line = 1
    if (this.line === 1) this.start = 0
    for (; this.line < line; this.line++) this.start = this.endOf(this.start) + 1
    const { octets, start } = this
    const end = Math.min(this.endOf(start), start + 4 * MAX_SHOWN)
    const text = Buffer.from(octets.subarray(start, end)).toString().trim()
    return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  }

  private endOf(start: Octets): Octets {
    const end = this.octets.indexOf(LF, start)
    return end === -1 ? this.octets.length : end
  }
}
