import type { Milliseconds } from '../base/units.js'

/** Later calls, injected so that tests decide when "later" is. */
export interface Timers {
  after(delay: Milliseconds, callback: () => void): Timer
  /** As soon as this turn of the event loop has ended. */
  soon(callback: () => void): void
}

export interface Timer {
  cancel(): void
}

export const systemTimers: Timers = {
  after(delay, callback) {
    const handle = setTimeout(callback, delay)
    return {
      cancel: () => {
        clearTimeout(handle)
      }
    }
  },
  soon: callback => {
    setImmediate(callback)
  }
}
