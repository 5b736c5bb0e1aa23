/** Generates unique ids for rules: they begin with the id of their network. */
export class RuleIds {
  private readonly given: ReadonlySet<string>
  /** Ids of the current network that are taken, and the next number to try for each. */
  private readonly taken = new Map<string, number>()

  /** @param given ids that operators wrote: they are reserved, wherever they are */
  constructor(given: Iterable<string>) {
    this.given = new Set(given)
  }

  /** The ids that follow are of another network, so none of them equals one from before. */
  startNetwork(): void {
    this.taken.clear()
  }

  /** This id, with a number appended if it is taken. */
  unique(id: string): string {
    let n = this.taken.get(id) ?? (this.given.has(id) ? 2 : undefined)
    if (n === undefined) {
      this.taken.set(id, 2)
      return id
    }
    let free: string
    do free = `${id}-${n++}`
    while (this.taken.has(free) || this.given.has(free))
    this.taken.set(id, n)
    this.taken.set(free, 2)
    return free
  }
}
