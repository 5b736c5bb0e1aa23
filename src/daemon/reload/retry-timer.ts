import type { Milliseconds } from '../../base/units.js'

const FIRST: Milliseconds = 1_000
const MOST: Milliseconds = 60_000

/** Does something again after a while, later each time, until it is told that all is well. */
export class Again {
  private wait = FIRST
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly act: () => void) {}

  later(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(this.act, this.wait)
    this.timer.unref()
    this.wait = Math.min(this.wait * 2, MOST)
  }

  /** All is well, or nobody cares any more. */
  settle(): void {
    clearTimeout(this.timer)
    this.wait = FIRST
  }
}
