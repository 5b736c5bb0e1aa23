import type { Clock } from '../../src/base/time/clock.js'
import type { Milliseconds } from '../../src/base/units.js'
import type { Timers } from '../../src/base/time/timers.js'

type Pending = { readonly due: Milliseconds; readonly order: number; readonly run: () => void }

/** Time that passes only in `advance`. `soon` is real: it does not depend on time. */
export class FakeTime {
  private at: Milliseconds = 1_000_000
  private order = 0
  private readonly pending = new Set<Pending>()

  readonly clock: Clock = { now: () => this.at, wall: () => this.at }

  readonly timers: Timers = {
    after: (delay, run) => {
      const timer = { due: this.at + delay, order: this.order++, run }
      this.pending.add(timer)
      return { cancel: () => void this.pending.delete(timer) }
    },
    soon: callback => void setImmediate(callback)
  }

  /** Pending timers. */
  get waiting(): number {
    return this.pending.size
  }

  /** Lets time pass and runs the timers that become due, in order. */
  advance(by: Milliseconds): void {
    const until = this.at + by
    for (let next = this.first(until); next !== undefined; next = this.first(until)) {
      this.pending.delete(next)
      this.at = Math.max(this.at, next.due)
      next.run()
    }
    this.at = until
  }

  private first(until: Milliseconds): Pending | undefined {
    return [...this.pending]
      .filter(({ due }) => due <= until)
      .sort((a, b) => a.due - b.due || a.order - b.order)[0]
  }
}
