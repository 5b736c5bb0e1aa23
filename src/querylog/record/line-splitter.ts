import type { Octets } from '../../base/units.js'

/** Many times the longest query log line: anything longer is foreign data and is not buffered. */
const MAX_LINE: Octets = 1024 * 1024
const NEWLINE = 0x0a

/** Splits a stream of chunks into lines. Lines longer than 1 MiB are skipped. */
export class LineSplitter {
  private partial: Uint8Array[] = []
  private partialLength: Octets = 0

  /**
   * @param line receives each complete line without its line end; the octets are valid only during
   *   the call
   */
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

  /** Discards the incomplete line. */
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
