import { seeded } from '../../bench/kit/random.js'

/** Chance that is the same again for the same seed. */
export class Dice {
  private readonly next: () => number

  constructor(readonly seed: number) {
    this.next = seeded(seed)
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** Whether something happens that does so `percent` times out of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }
}

/** A seed that nobody chose, to be printed, so that it can be given again. */
export function newSeed(): number {
  return Math.floor(Math.random() * 2 ** 31)
}
