/** Counts things that have numbers from 0. */
export class Counters {
  #counts = new Float64Array(1 << 10)

  /** @returns how many there are of it now */
  add(number: number): number {
    if (number >= this.#counts.length) {
      const larger = new Float64Array(2 * number)
      larger.set(this.#counts)
      this.#counts = larger
    }
    return ++this.#counts[number]!
  }

  /** Calls `take` for each number of which there is any. */
  forEach(take: (count: number, number: number) => void): void {
    this.#counts.forEach((count, number) => {
      if (count > 0) take(count, number)
    })
  }

  clear(): void {
    this.#counts.fill(0)
  }
}
