import type { Octets } from '../base/units.js'
import type { LineReader } from './lookup.js'

/** A log whose lines are read as text. */
export abstract class TextLog implements LineReader {
  line(octets: Uint8Array, from: Octets, to: Octets): string | undefined {
    return from === to ? undefined : this.text(Buffer.from(octets.subarray(from, to)).toString())
  }

  protected abstract text(line: string): string | undefined
}
