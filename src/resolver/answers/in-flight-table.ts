import { hashOctets } from '../../base/bytes/hash.js'
import type { Octets } from '../../base/units.js'
import type { QuestionKey } from '../cache/cache.js'

/** A power of two; four times the questions that one worker may have in flight. */
const SLOTS = 2 ** 16
const SLOT_SHIFT = 16
/** Chooses the slot by all bits of the hash; 2^32 / φ. */
const GOLDEN = 0x9e3779b1
/** The bits of a word with the owner; the others are of the hash. */
const OWNER = 0xff

/** Size of the shared memory. */
export const IN_FLIGHT_SIZE: Octets = 4 * SLOTS

/**
 * The questions that workers have forwarded, in shared memory, so that a worker does not forward what
 * another one already has. A question has one slot, by its hash, with one word: bits of the hash and
 * the owner, the worker that has forwarded it; 0: none. Two questions with the same slot are not
 * shared at the same time; two with the same word, one in millions, wait for each other in vain.
 */
export class InFlightTable {
  private readonly words: Int32Array
  /** The slot and word of a question that `claim` found with another worker. */
  slot = 0
  word = 0

  /**
   * @param seed of the hash, the same in all threads
   * @param owner number of this thread, 1 to 255
   */
  constructor(
    memory: SharedArrayBuffer,
    private readonly seed: number,
    private readonly owner: number
  ) {
    this.words = new Int32Array(memory)
  }

  /**
   * Claims a question for this worker. False: another worker has forwarded it, see `slot` and `word`.
   * True does not mean that others will wait: the slot may belong to another question.
   */
  claim(key: QuestionKey): boolean {
    const hash = hashOctets(key, this.seed)
    const slot = slotOf(hash)
    const own = (hash & ~OWNER) | this.owner
    const word = Atomics.compareExchange(this.words, slot, 0, own)
    if (word === 0 || word === own || ((word ^ hash) & ~OWNER) !== 0) return true
    this.slot = slot
    this.word = word
    return false
  }

  /** Whether the worker that `claim` found has not released the question yet. */
  isPending(slot: number, word: number): boolean {
    return Atomics.load(this.words, slot) === word
  }

  /** Ends the claim of this worker, if it has one. Call when the answer is in the cache. */
  release(key: QuestionKey): void {
    const hash = hashOctets(key, this.seed)
    Atomics.compareExchange(this.words, slotOf(hash), (hash & ~OWNER) | this.owner, 0)
  }

  /** Takes a question over from a worker that has not released it in time. */
  takeOver(slot: number, word: number): void {
    Atomics.compareExchange(this.words, slot, word, (word & ~OWNER) | this.owner)
  }

  /** Ends all claims of a worker that has died. */
  releaseAll(owner: number): void {
    for (const [slot, word] of this.words.entries()) {
      if ((word & OWNER) === owner) Atomics.compareExchange(this.words, slot, word, 0)
    }
  }
}

function slotOf(hash: number): number {
  return Math.imul(hash, GOLDEN) >>> SLOT_SHIFT
}
