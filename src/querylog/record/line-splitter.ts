import type { Octets } from '../../base/units.js'

/** Many times our longest line: what is longer is something else, and is not kept in memory. */
const LONGEST: Octets = 1024 * 1024
const NEWLINE = 0x0a

/** Cuts octets that come in pieces into lines. What is longer than 1 MiB is passed over. */
export class LineSplitter {
  private begun: Uint8Array[] = []
  private length: Octets = 0

  /** @param line gets each whole line, without its end; its octets are good until it returns */
  take(octets: Uint8Array, line: (octets: Uint8Array) => void): void {
    let at = 0
    for (let end; (end = octets.indexOf(NEWLINE, at)) >= 0; at = end + 1) {
      const rest = octets.subarray(at, end)
      if (this.length === 0) line(rest)
      else if (this.length + rest.length <= LONGEST) line(Buffer.concat([...this.begun, rest]))
      this.forget()
    }
    this.begin(octets.subarray(at))
  }

  /** What has no end yet is over: the file that it stood in is. */
  forget(): void {
    if (this.length === 0) return
    this.begun = []
    this.length = 0
  }

  private begin(octets: Uint8Array): void {
    this.length += octets.length
    if (this.length > LONGEST) this.begun = []
    else if (octets.length > 0) this.begun.push(Buffer.from(octets))
  }
}
