import type { Octets } from './units.js'

/** Longest octets whose holders are kept. */
const MAX_LENGTH: Octets = 512
/** Most holders kept, of all lengths together: about what is in flight under full load. */
const MAX_POOLED = 4096

/**
 * Objects to be used again, found by the length of an array of octets that each holds. What lives
 * for as long as an upstream is asked would else be copied by the collector, twice, and promoted.
 */
export class ObjectPool<T extends object> {
  private readonly byLength = Array.from({ length: MAX_LENGTH + 1 }, (): T[] => [])
  private count = 0

  /** One whose array has this length, if there is one; nobody else has it from now on. */
  take(length: Octets): T | undefined {
    if (length > MAX_LENGTH) return undefined
    const spare = this.byLength[length]!.pop()
    if (spare !== undefined) this.count--
    return spare
  }

  /** The caller sees to it that nobody looks at it any more. */
  release(spare: T, length: Octets): void {
    if (length > MAX_LENGTH || this.count >= MAX_POOLED) return
    this.byLength[length]!.push(spare)
    this.count++
  }
}
