import type { Octets } from '../../../base/units.js'
import type { LineReader } from '../parsed-lookup.js'

/** A log whose lines are parsed as text. */
export abstract class TextLog implements LineReader {
  line(octets: Buffer, from: Octets, to: Octets): string | undefined {
    return from === to ? undefined : this.text(octets.toString('utf8', from, to))
  }

  protected abstract text(line: string): string | undefined
}
