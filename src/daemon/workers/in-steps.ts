import { setImmediate as turn } from 'node:timers/promises'

/** Goes on to the end, one step for each turn of the event loop, so that nothing else waits. */
export async function runInSlices<Result>(steps: Iterator<void, Result>): Promise<Result> {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    await turn()
  }
}
