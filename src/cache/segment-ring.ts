/** Segments that are filled in turn, by their numbers; it grows. */
export class SegmentRing {
  private readonly numbers: number[]
  private position = 0

  /** @param first the number of the segment that is filled first */
  constructor(first: number) {
    this.numbers = [first]
  }

  get length(): number {
    return this.numbers.length
  }

  get current(): number {
    return this.numbers[this.position]!
  }

  /** Of the segment that was filled longest ago. */
  get next(): number {
    return this.numbers[this.nextPosition]!
  }

  advance(): void {
    this.position = this.nextPosition
  }

  /** Goes on with one that is filled for the first time. */
  insertNext(number: number): void {
    this.numbers.splice(++this.position, 0, number)
  }

  /** Goes on with another one in place of the next. */
  replaceNext(number: number): void {
    this.advance()
    this.numbers[this.position] = number
  }

  /** Takes one that is full, as filled just before the current one. */
  insertBefore(number: number): void {
    this.numbers.splice(this.position++, 0, number)
  }

  private get nextPosition(): number {
    return (this.position + 1) % this.numbers.length
  }
}
