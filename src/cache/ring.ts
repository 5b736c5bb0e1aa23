/** Segments that are filled in turn, by their numbers; it grows. */
export class Ring {
  private readonly numbers: number[]
  private at = 0

  /** @param first the number of the segment that is filled first */
  constructor(first: number) {
    this.numbers = [first]
  }

  get length(): number {
    return this.numbers.length
  }

  get current(): number {
    return this.numbers[this.at]!
  }

  /** Of the segment that was filled longest ago. */
  get next(): number {
    return this.numbers[this.following]!
  }

  goOn(): void {
    this.at = this.following
  }

  /** Goes on with one that is filled for the first time. */
  growBy(number: number): void {
    this.numbers.splice(++this.at, 0, number)
  }

  /** Goes on with another one in place of the next. */
  goOnWith(number: number): void {
    this.goOn()
    this.numbers[this.at] = number
  }

  /** Takes one that is full, as filled just before the current one. */
  adopt(number: number): void {
    this.numbers.splice(this.at++, 0, number)
  }

  private get following(): number {
    return (this.at + 1) % this.numbers.length
  }
}
