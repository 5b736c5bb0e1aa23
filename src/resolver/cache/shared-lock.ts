import type { Milliseconds } from '../../base/units.js'

/** Tries before a thread sleeps: a writer holds the lock for about a microsecond. */
const SPINS = 200
/**
 * Longest wait. A writer that holds the lock for longer has died, or was not scheduled; then a write
 * is given up, which costs another upstream query later, rather than delay queries any longer.
 */
const MAX_WAIT: Milliseconds = 20

/** The lock word: 0, or the owner, with this flag if a thread sleeps until it is released. */
const CONTENDED = 0x100

/**
 * A lock for the threads of one process in a word of shared memory. It names its owner, so that the
 * control thread can free what a thread that died has left locked.
 */
export class SharedLock {
  /** The owner for which this thread has waited in vain; it does not wait for it again. */
  private stuckOwner = 0

  /**
   * @param at the word of the lock
   * @param owner of locks acquired by this object: 1 to 255, one for each thread
   */
  constructor(
    private readonly words: Int32Array,
    private readonly at: number,
    private readonly owner: number
  ) {}

  /** Returns whether this thread has the lock now; false after `MAX_WAIT`. */
  acquire(): boolean {
    return this.tryAcquire() ? this.acquired() : this.wait()
  }

  /** As `acquire`, without waiting. */
  tryAcquire(): boolean {
    return Atomics.compareExchange(this.words, this.at, 0, this.owner) === 0
  }

  release(): void {
    const { words, at } = this
    if ((Atomics.exchange(words, at, 0) & CONTENDED) !== 0) Atomics.notify(words, at, 1)
  }

  /** The owner of the lock; 0: free. */
  get heldBy(): number {
    return Atomics.load(this.words, this.at) & ~CONTENDED
  }

  /** Frees the lock of a thread that has died. */
  breakLock(): void {
    Atomics.store(this.words, this.at, 0)
    Atomics.notify(this.words, this.at)
  }

  private wait(): boolean {
    const { words, at, owner } = this
    const isStuck = this.heldBy === this.stuckOwner && this.stuckOwner !== 0
    for (let spins = 0; spins < SPINS; spins++) {
      if (this.tryAcquire()) return this.acquired()
    }
    const end = performance.now() + (isStuck ? 0 : MAX_WAIT)
    for (;;) {
      const word = Atomics.load(words, at)
      if (word === 0) {
        // Others may be asleep as well: the next release has to wake one.
        if (Atomics.compareExchange(words, at, 0, owner | CONTENDED) === 0) return this.acquired()
        continue
      }
      const left = end - performance.now()
      if (left <= 0) {
        this.stuckOwner = word & ~CONTENDED
        return false
      }
      const contended = word | CONTENDED
      if (word === contended || Atomics.compareExchange(words, at, word, contended) === word) {
        Atomics.wait(words, at, contended, left)
      }
    }
  }

  private acquired(): true {
    this.stuckOwner = 0
    return true
  }
}
