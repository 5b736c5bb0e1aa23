import type { Milliseconds } from '../units.js'

/** Timers, injected so that tests control time. */
export interface Timers {
  after(delay: Milliseconds, callback: () => void): Timer
  /** Calls back when this turn of the event loop has ended. */
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
