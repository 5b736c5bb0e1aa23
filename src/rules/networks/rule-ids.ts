/** Generates unique ids for rules. */
export class RuleIds {
  /** Ids that are taken, and the next number to try for each. */
  private readonly taken = new Map<string, number>()

  /** @param given ids that operators wrote: they are reserved, wherever they are */
  constructor(given: Iterable<string>) {
    for (const id of given) this.taken.set(id, 2)
  }

  /** This id, with a number appended if it is taken. */
  unique(id: string): string {
    let n = this.taken.get(id)
    if (n === undefined) {
      this.taken.set(id, 2)
      return id
    }
    let free: string
    do free = `${id}-${n++}`
    while (this.taken.has(free))
    this.taken.set(id, n)
    this.taken.set(free, 2)
    return free
  }
}
