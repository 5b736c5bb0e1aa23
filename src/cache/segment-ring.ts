/** The numbers of segments that are filled in turn. */
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

  /** The segment that was filled longest ago. */
  get next(): number {
    return this.numbers[this.nextPosition]!
  }

  advance(): void {
    this.position = this.nextPosition
  }

  /** Inserts a segment after the current one, and makes it the current one. */
  insertNext(number: number): void {
    this.numbers.splice(++this.position, 0, number)
  }

  /** Puts another segment in place of the next one, and makes it the current one. */
  replaceNext(number: number): void {
    this.advance()
    this.numbers[this.position] = number
  }

  /** Inserts a full segment before the current one, as if it had been filled last. */
  insertBefore(number: number): void {
    this.numbers.splice(this.position++, 0, number)
  }

  private get nextPosition(): number {
    return (this.position + 1) % this.numbers.length
  }
}
