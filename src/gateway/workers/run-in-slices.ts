import { setImmediate as nextTick } from 'node:timers/promises'

/** Runs a generator to its end, one step per tick of the event loop, so that queries are not delayed. */
export async function runInSlices<Result>(slices: Iterator<void, Result>): Promise<Result> {
  for (;;) {
    const slice = slices.next()
    if (slice.done === true) return slice.value
    await nextTick()
  }
}
