import type { SourceSummary } from '../tables/source-table.js'

/**
 * The lists with a pass entry for the name or address being evaluated: their other entries for it
 * have no effect. One per thread; allocates nothing while evaluating.
 */
export class PassingLists {
  /** How many lists there are. */
  count = 0
  /** For each source the number of its list; inverted (~) for the list's pass entries. */
  private readonly listOf: Int32Array
  private readonly lists: Int32Array

  constructor(sources: readonly SourceSummary[]) {
    const numbers = new Map<string, number>()
    this.listOf = Int32Array.from(sources, ({ kind, id, isPass }) => {
      const list = `${kind} ${id}`
      const number = numbers.get(list) ?? numbers.size
      numbers.set(list, number)
      return isPass ? ~number : number
    })
    this.lists = new Int32Array(numbers.size)
  }

  /** Adds the list of a source of pass entries. */
  add(source: number): void {
    const list = ~this.listOf[source]!
    if (!this.includes(list)) this.lists[this.count++] = list
  }

  /** Whether a source has no effect because its list passes the name. */
  excludes(source: number): boolean {
    return this.includes(this.listOf[source]!)
  }

  private includes(list: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.lists[i] === list) return true
    return false
  }
}
