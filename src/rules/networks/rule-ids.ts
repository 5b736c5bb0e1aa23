/** Generates unique ids for rules. */
export class RuleIds {
  private readonly taken: Set<string>
  /** The next number to try for each id. */
  private readonly nextNumber = new Map<string, number>()

  /** @param given ids that operators wrote: they are reserved, wherever they are */
  constructor(given: Iterable<string>) {
    this.taken = new Set(given)
  }

  /** This id, with a number appended if it is taken. */
  unique(id: string): string {
    let free = id
    let n = this.nextNumber.get(id) ?? 2
    for (; this.taken.has(free); n++) free = `${id}-${n}`
    this.nextNumber.set(id, n)
    this.taken.add(free)
    return free
  }
}
