/** Segments that are filled in turn, by their numbers. */
export class Ring {
  current: number

  /** @param end the first number that is not in it */
  constructor(
    readonly first: number,
    private readonly end: number
  ) {
    this.current = first
  }

  get next(): number {
    return this.current + 1 < this.end ? this.current + 1 : this.first
  }

  goOn(): void {
    this.current = this.next
  }
}
