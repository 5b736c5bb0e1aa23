import type { Octets } from '../../base/units.js'

/** Many times our longest line: what is longer is something else, and is not kept in memory. */
const MAX_LINE: Octets = 1024 * 1024
const NEWLINE = 0x0a

/** Cuts octets that come in pieces into lines. What is longer than 1 MiB is passed over. */
export class LineSplitter {
  private partial: Uint8Array[] = []
  private partialLength: Octets = 0

  /** @param line gets each whole line, without its end; its octets are good until it returns */
  push(octets: Uint8Array, line: (octets: Uint8Array) => void): void {
    let at = 0
    for (let end; (end = octets.indexOf(NEWLINE, at)) >= 0; at = end + 1) {
      const rest = octets.subarray(at, end)
      if (this.partialLength === 0) line(rest)
      else if (this.partialLength + rest.length <= MAX_LINE)
        line(Buffer.concat([...this.partial, rest]))
      this.reset()
    }
    this.keepPartial(octets.subarray(at))
  }

  /** What has no end yet is over: the file that it stood in is. */
  reset(): void {
    if (this.partialLength === 0) return
    this.partial = []
    this.partialLength = 0
  }

  private keepPartial(octets: Uint8Array): void {
    this.partialLength += octets.length
    if (this.partialLength > MAX_LINE) this.partial = []
    else if (octets.length > 0) this.partial.push(Buffer.from(octets))
  }
}
