import type { Octets } from '../units.js'

/** Objects with longer arrays are not pooled. */
const MAX_LENGTH: Octets = 512
/** Maximum number of pooled objects: about as many as are in use under full load. */
const MAX_POOLED = 4096

/**
 * A pool of reusable objects, found by the length of the octet array that each holds. Objects that live as
 * long as an upstream query would otherwise be copied twice by the garbage collector, and promoted.
 */
export class ObjectPool<T extends object> {
  private readonly byLength = Array.from({ length: MAX_LENGTH + 1 }, (): T[] => [])
  private count = 0

  /** Takes an object with an array of this length out of the pool, if there is one. */
  take(length: Octets): T | undefined {
    if (length > MAX_LENGTH) return undefined
    const spare = this.byLength[length]!.pop()
    if (spare !== undefined) this.count--
    return spare
  }

  /** Returns an object to the pool. The caller must not use it any more. */
  release(spare: T, length: Octets): void {
    if (length > MAX_LENGTH || this.count >= MAX_POOLED) return
    this.byLength[length]!.push(spare)
    this.count++
  }
}
