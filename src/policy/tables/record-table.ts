import type { Octets } from '../../base/units.js'
import { lineIndex } from '../rules/lists/local-data.js'
import type { RecordNode } from '../rules/model/types.js'
import { NODE } from '../rules/records/record-nodes.js'

/** The nodes of one source of local records, in shared memory. */
export interface RecordBuffers {
  /** Int32: made by `keyOf`, ascending. */
  readonly keys: SharedArrayBuffer
  /** Int32: offset in `octets` of each node, and the end of the last one. */
  readonly starts: SharedArrayBuffer
  readonly octets: SharedArrayBuffer
}

const NO_OCTETS = new Uint8Array(0)

/** A number for the node of a name itself, and another one for the names below it. */
function keyOf(entry: number, isBelow: boolean): number {
  return 2 * entry + (isBelow ? 1 : 0)
}

/** @param entryOf the entry of a name in the finished name table */
export function buildRecords(
  nodes: readonly RecordNode[],
  entryOf: (name: Uint8Array) => number
): RecordBuffers {
  const keyed = nodes.map(({ name, cover, octets }) => ({
    key: keyOf(entryOf(name), cover === 'below'),
    octets
  }))
  keyed.sort((a, b) => a.key - b.key)
  const ends: Octets[] = [0]
  for (const { octets } of keyed) ends.push(ends.at(-1)! + octets.length)
  const octets = new SharedArrayBuffer(ends.at(-1)!)
  for (const [i, node] of keyed.entries()) new Uint8Array(octets).set(node.octets, ends[i])
  return { keys: shared(keyed.map(({ key }) => key)), starts: shared(ends), octets }
}

function shared(values: readonly number[]): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(4 * values.length)
  new Int32Array(buffer).set(values)
  return buffer
}

/** Finds the node of a name in local records. One per thread; finding allocates nothing. */
export class RecordTable {
  /** After `find`: the node is `octets[from, to)`. */
  octets: Uint8Array = NO_OCTETS
  from: Octets = 0
  to: Octets = 0
  private readonly views: ReadonlyMap<number, View>

  constructor({ records }: { readonly records: ReadonlyMap<number, RecordBuffers> }) {
    this.views = new Map(
      [...records].map(([source, { keys, starts, octets }]) => {
        const view = { keys: new Int32Array(keys), starts: new Int32Array(starts) }
        return [source, { ...view, octets: new Uint8Array(octets) }]
      })
    )
  }

  /** @param isExact whether the entry is for the query name itself, not for a name above it */
  find(source: number, entry: number, isExact: boolean): void {
    const { keys, starts, octets } = this.views.get(source)!
    const place = lineIndex(keys, keyOf(entry, !isExact))
    this.octets = octets
    this.from = starts[place]!
    this.to = starts[place + 1]!
  }

  /** Whether the node that was found leaves the name to an upstream. */
  get isPass(): boolean {
    return this.octets[this.from] === NODE.pass
  }
}

interface View {
  readonly keys: Int32Array
  readonly starts: Int32Array
  readonly octets: Uint8Array
}
