import type { SourceSummary } from '../tables/source-table.js'

/**
 * The lists with a pass entry for the name or address being evaluated: their other entries for it
 * have no effect. And the zones in which an encloser of it was found, whose wildcards above that have
 * no effect. One per thread; allocates nothing while evaluating.
 */
export class PassingLists {
  /** How many lists and zones there are. */
  count = 0
  /** For each source the number of its list; -1 for the list's pass entries, which stay. */
  private readonly listOf: Int32Array
  /** For each source the number of the stage of its list: the names of one zone. */
  private readonly stageOf: Int32Array
  /** For each source of pass entries or enclosers: the number that it adds. */
  private readonly addedBy: Int32Array
  private readonly numbers: Int32Array

  constructor(sources: readonly SourceSummary[]) {
    const known = new Map<string, number>()
    const numberOf = (key: string): number => {
      const number = known.get(key) ?? known.size
      known.set(key, number)
      return number
    }
    const lists = Int32Array.from(sources, ({ kind, id }) => numberOf(`${kind} ${id}`))
    this.stageOf = Int32Array.from(sources, ({ kind, id, stage }) =>
      numberOf(`${kind} ${id}\n${stage}`)
    )
    this.listOf = lists.map((list, source) => (sources[source]!.isPass ? -1 : list))
    this.addedBy = lists.map((list, source) =>
      sources[source]!.isPass ? list : this.stageOf[source]!
    )
    this.numbers = new Int32Array(known.size)
  }

  /** @param source of pass entries or enclosers */
  add(source: number): void {
    const number = this.addedBy[source]!
    if (!this.includes(number)) this.numbers[this.count++] = number
  }

  /** Whether a source has no effect on the name because of an entry that was added. */
  excludes(source: number): boolean {
    return this.includes(this.listOf[source]!) || this.includes(this.stageOf[source]!)
  }

  private includes(number: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.numbers[i] === number) return true
    return false
  }
}
