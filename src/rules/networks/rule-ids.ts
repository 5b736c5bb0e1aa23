/** Gives every rule an id that no other rule of the set has. */
export class RuleIds {
  private readonly taken: Set<string>

  /** @param given ids that operators wrote: they come first, wherever they are */
  constructor(given: Iterable<string>) {
    this.taken = new Set(given)
  }

  /** An id made from what the rule says; numbered from the second of the same on. */
  unique(id: string): string {
    let free = id
    for (let n = 2; this.taken.has(free); n++) free = `${id}-${n}`
    this.taken.add(free)
    return free
  }
}
