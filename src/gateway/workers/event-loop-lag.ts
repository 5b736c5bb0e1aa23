import type { Milliseconds } from '../../base/units.js'
import { COUNTER, COUNTERS } from '../../resolver/context/lookup-counters.js'

const INTERVAL: Milliseconds = 250
/** The maximum is that of this many intervals, and of as many before: Prometheus scrapes at most so rarely. */
const WINDOW = 60

/**
 * Measures for how long this thread was too busy to run a timer: the largest delay in the last 15 to 30
 * seconds, in shared memory, in milliseconds.
 */
export class EventLoopLag {
  private readonly timer: NodeJS.Timeout
  private last = performance.now()
  private largest: Milliseconds = 0
  private before: Milliseconds = 0
  private count = 0

  /** @param counters of all threads; this one has part `index` */
  constructor(counters: SharedArrayBuffer, index: number) {
    const fixed = new Float64Array(counters)
    const at = index * COUNTERS + COUNTER.lag
    this.timer = setInterval(() => (fixed[at] = this.measure()), INTERVAL).unref()
  }

  close(): void {
    clearInterval(this.timer)
  }

  private measure(): Milliseconds {
    const now = performance.now()
    const lag = Math.max(0, now - this.last - INTERVAL)
    this.last = now
    if (lag > this.largest) this.largest = lag
    const largest = Math.max(this.largest, this.before)
    if (++this.count % WINDOW === 0) {
      this.before = this.largest
      this.largest = 0
    }
    return largest
  }
}
