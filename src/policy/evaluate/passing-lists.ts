import type { SourceSummary } from '../tables/snapshot.js'

/** Which lists let what is being judged pass. One per thread; judging with it allocates nothing. */
export class PassingLists {
  /** How many lists do. */
  count = 0
  /** Number of the list that each source is of; inverted, of those that let names pass. */
  private readonly listOf: Int32Array
  private readonly lists: Int32Array

  constructor(sources: readonly SourceSummary[]) {
    const numbers = new Map<string, number>()
    this.listOf = Int32Array.from(sources, ({ kind, id, isPass: passes }) => {
      const list = `${kind} ${id}`
      const number = numbers.get(list) ?? numbers.size
      numbers.set(list, number)
      return passes ? ~number : number
    })
    this.lists = new Int32Array(numbers.size)
  }

  /** Takes note that a source, one that lets names pass, has this one. */
  add(source: number): void {
    const list = ~this.listOf[source]!
    if (!this.includes(list)) this.lists[this.count++] = list
  }

  /** Whether the list of a source lets the name pass, so that the source is not heard. */
  excludes(source: number): boolean {
    return this.includes(this.listOf[source]!)
  }

  private includes(list: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.lists[i] === list) return true
    return false
  }
}
