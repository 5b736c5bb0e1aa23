import type { Milliseconds } from '../units.js'

/** Waits for a promise, at most until the timeout. @returns whether it resolved in time */
export async function completesWithin(
  promise: Promise<unknown>,
  timeout: Milliseconds
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timedOut = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), timeout)
  })
  try {
    return await Promise.race([promise.then(() => true), timedOut])
  } finally {
    clearTimeout(timer)
  }
}
