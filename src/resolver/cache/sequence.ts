import { SEQUENCE, type ShardMemory } from './shard-memory.js'

/** Of this thread alone; see `Sequence.isStill`. */
const fence = new Int32Array(1)

/**
 * The sequence number of a shard, by which readers, who take no lock, notice that memory was reused
 * while they copied from it (a seqlock). It is odd while answers are moved within a segment, and
 * increases before octets that held answers are overwritten. Appending an answer does not change it:
 * readers find an answer only once it is complete.
 */
export class Sequence {
  private readonly words: Int32Array

  constructor({ words }: ShardMemory) {
    this.words = words
  }

  /** The number at the start of a read; odd: answers are being moved. */
  get current(): number {
    return Atomics.load(this.words, SEQUENCE)
  }

  /** Whether all octets read since `current` returned `number`, an even number, belonged together. */
  isStill(number: number): boolean {
    // Orders the reads before it before the load: ARM would otherwise be free to swap them.
    Atomics.store(fence, 0, 0)
    return Atomics.load(this.words, SEQUENCE) === number
  }

  /** Call under the lock, before answers are moved or their octets are reused. */
  beginChange(): void {
    Atomics.store(this.words, SEQUENCE, this.words[SEQUENCE]! | 1)
  }

  /** Call when the index has the new locations. */
  endChange(): void {
    Atomics.store(this.words, SEQUENCE, (this.words[SEQUENCE]! | 1) + 1)
  }
}
