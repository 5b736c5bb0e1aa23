/** Pairs that have a number at the same time: some megabytes. */
const MAX_PAIRS = 65_536

/** Numbers for pairs of client classes, above all classes, by which decisions for such clients are kept. */
export class ClassPairs {
  private readonly numbers = new Map<number, number>()
  private next: number

  /** @param classes the number of client classes */
  constructor(private readonly classes: number) {
    this.next = classes
  }

  /** The number of a pair. No other pair ever gets it, but a pair may get another one after very many others. */
  numberOf(own: number, address: number): number {
    const key = own * this.classes + address
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    if (this.numbers.size >= MAX_PAIRS) this.numbers.clear()
    this.numbers.set(key, this.next)
    return this.next++
  }
}
