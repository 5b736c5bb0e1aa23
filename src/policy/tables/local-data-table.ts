import type { Octets } from '../../base/units.js'
import { lineIndex } from '../rules/lists/local-data.js'
import { COVER } from '../rules/model/types.js'
import { entriesOf, type Entries } from './entries.js'
import type { Snapshot } from './snapshot.js'

const NO_OCTETS = new Uint8Array(0)

/** Finds the DNS records that a list has for a name. One per thread; finding allocates nothing. */
export class LocalDataTable {
  /** After `find`: TYPE, RDLENGTH and RDATA of each record are in `octets[from, to)`. */
  octets: Uint8Array = NO_OCTETS
  from: Octets = 0
  to: Octets = 0
  private readonly entries: Entries
  private readonly sources: ReadonlyMap<number, View>

  constructor(snapshot: Snapshot) {
    this.entries = entriesOf(snapshot)
    const views = [...snapshot.sources.localData].map(
      ([source, { lines, starts, octets }]): [number, View] => {
        const view = { lines: new Int32Array(lines), starts: new Int32Array(starts) }
        return [source, { ...view, octets: new Uint8Array(octets) }]
      }
    )
    this.sources = new Map(views)
  }

  /** @param isExact whether the entry is for the query name itself, not for a name above it */
  find(source: number, entry: number, isExact: boolean): void {
    const { lines, starts, octets } = this.sources.get(source)!
    const line = this.entries.lineOf(entry, source, isExact ? COVER.below : COVER.exact)
    const place = lineIndex(lines, line)
    this.octets = octets
    this.from = starts[place]!
    this.to = starts[place + 1]!
  }
}

interface View {
  readonly lines: Int32Array
  readonly starts: Int32Array
  readonly octets: Uint8Array
}
