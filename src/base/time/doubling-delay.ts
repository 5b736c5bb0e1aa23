import type { Milliseconds } from '../units.js'

/**
 * The delay before a retry, doubled with each failure in a row.
 *
 * @param failures in a row, at least 1
 * @param first delay after the first failure
 * @param most upper limit
 */
export function doublingDelay(
  failures: number,
  first: Milliseconds,
  most: Milliseconds
): Milliseconds {
  return Math.min(first * 2 ** (failures - 1), most)
}
