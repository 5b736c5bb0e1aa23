import { ScratchArrays } from './scratch-arrays.js'

/** A list of 32-bit numbers in an array that only grows: set `length` to 0 to reuse it. */
export class Uint32List {
  length = 0
  private words = new Uint32Array(32)
  private readonly arrays = new ScratchArrays(64, length => new Uint32Array(length))

  push(word: number): void {
    if (this.length === this.words.length) this.grow()
    this.words[this.length++] = word
  }

  /** @param index below `length` */
  at(index: number): number {
    return this.words[index]!
  }

  /** The list as an array; the same array is reused for the next list of that length. */
  toArray(): Uint32Array {
    const array = this.arrays.take(this.length)
    for (let i = 0; i < array.length; i++) array[i] = this.words[i]!
    return array
  }

  private grow(): void {
    const more = new Uint32Array(2 * this.words.length)
    more.set(this.words)
    this.words = more
  }
}
