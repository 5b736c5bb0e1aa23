import type { PassTable } from '../tables/source-table.js'

/**
 * The lists with a pass entry for the name or address being evaluated: their other entries for it
 * have no effect. And the zones in which an encloser of it was found, whose wildcards above that have
 * no effect. One per thread; allocates nothing while evaluating.
 */
export class PassingLists {
  /** How many lists and zones there are. */
  count = 0
  private readonly numbers: Int32Array

  constructor(private readonly table: PassTable) {
    this.numbers = new Int32Array(table.size)
  }

  /** @param source of pass entries or enclosers */
  add(source: number): void {
    const number = this.table.addedBy[source]!
    if (!this.includes(number)) this.numbers[this.count++] = number
  }

  /** Whether a source has no effect on the name because of an entry that was added. */
  excludes(source: number): boolean {
    const { listOf, rankOf } = this.table
    return this.includes(listOf[source]!) || this.includes(rankOf[source]!)
  }

  private includes(number: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.numbers[i] === number) return true
    return false
  }
}
