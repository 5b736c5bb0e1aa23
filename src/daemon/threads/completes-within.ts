import type { Milliseconds } from '../../base/units.js'

/** Waits for it so long, and no longer: whether it came. */
export async function completesWithin(
  what: Promise<unknown>,
  patience: Milliseconds
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), patience)
  })
  try {
    return await Promise.race([what.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
