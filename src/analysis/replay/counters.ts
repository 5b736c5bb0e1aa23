/** Counts by id, from 0. */
export class Counters {
  private counts = new Float64Array(1 << 10)

  /** @returns the new count */
  add(number: number): number {
    if (number >= this.counts.length) {
      const larger = new Float64Array(2 * number)
      larger.set(this.counts)
      this.counts = larger
    }
    return ++this.counts[number]!
  }

  /** Calls `take` for each id with a count above 0. */
  forEach(take: (count: number, number: number) => void): void {
    this.counts.forEach((count, number) => {
      if (count > 0) take(count, number)
    })
  }

  clear(): void {
    this.counts.fill(0)
  }
}
