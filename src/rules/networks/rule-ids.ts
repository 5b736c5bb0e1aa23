/** Generates unique ids for rules. */
export class RuleIds {
  private readonly taken: Set<string>

  /** @param given ids that operators wrote: they are reserved, wherever they are */
  constructor(given: Iterable<string>) {
    this.taken = new Set(given)
  }

  /** This id, with a number appended if it is taken. */
  unique(id: string): string {
    let free = id
    for (let n = 2; this.taken.has(free); n++) free = `${id}-${n}`
    this.taken.add(free)
    return free
  }
}
