import type { Octets } from '../../base/units.js'
import { placeOf } from '../../rules/lists/local-data.js'
import { COVER } from '../../rules/model/types.js'
import { entriesOf } from '../evaluate/matched-rule.js'
import type { Entries } from './entries.js'
import type { Snapshot } from './snapshot.js'

const NOTHING = new Uint8Array(0)

/** Finds the records that a list has for a name. One per thread; finding allocates nothing. */
export class LocalDataTable {
  /** After `find`: TYPE, RDLENGTH and RDATA of each record are in `octets[from, to)`. */
  octets: Uint8Array = NOTHING
  from: Octets = 0
  to: Octets = 0
  private readonly records: Entries
  private readonly sources: ReadonlyMap<number, View>

  constructor(snapshot: Snapshot) {
    this.records = entriesOf(snapshot)
    const views = [...snapshot.data].map(([source, { lines, starts, octets }]): [number, View] => {
      const view = { lines: new Int32Array(lines), starts: new Int32Array(starts) }
      return [source, { ...view, octets: new Uint8Array(octets) }]
    })
    this.sources = new Map(views)
  }

  /** @param whole the record is that of the very name asked for, not of one above it */
  find(source: number, record: number, whole: boolean): void {
    const { lines, starts, octets } = this.sources.get(source)!
    const line = this.records.lineOf(record, source, whole ? COVER.below : COVER.exact)
    const place = placeOf(lines, line)
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
