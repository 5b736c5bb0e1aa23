/** Numbers of 32 bits in an array that only ever grows: set `length` to 0 and use it again. */
export class WordList {
  length = 0
  private words = new Uint32Array(32)

  push(word: number): void {
    if (this.length === this.words.length) this.grow()
    this.words[this.length++] = word
  }

  /** @param index below `length` */
  at(index: number): number {
    return this.words[index]!
  }

  /** An array of its own, as long as the list. */
  copy(): Uint32Array {
    const copy = new Uint32Array(this.length)
    for (let i = 0; i < copy.length; i++) copy[i] = this.words[i]!
    return copy
  }

  private grow(): void {
    const more = new Uint32Array(2 * this.words.length)
    more.set(this.words)
    this.words = more
  }
}
