import type { Milliseconds } from '../../base/units.js'

/** Counts queries or connections in progress, and waits for all of them to finish. */
export class InFlight {
  count = 0
  private readonly waiting = new Set<() => void>()

  add(): void {
    this.count++
  }

  remove(): void {
    this.count--
    if (this.count === 0) for (const done of this.waiting) done()
  }

  /** Resolves when the count is 0, or after `grace`. */
  drained(grace: Milliseconds): Promise<void> {
    if (this.count === 0) return Promise.resolve()
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        this.waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, grace)
      this.waiting.add(done)
    })
  }
}
