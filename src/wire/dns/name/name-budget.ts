import { failure } from '../../../base/errors/error.js'
import type { Octets } from '../../../base/units.js'

/** Steps of any message, and more per octet: usual ones take less than one per octet. */
const BASE_STEPS = 2048
const STEPS_PER_OCTET = 2

/**
 * Limits the work for the names of one response. A pointer of two octets can stand for a name of 127
 * labels and as many pointers, so without a limit a response of 60 KB could take 140 ms. A step is
 * a label that is read, a pointer that is followed or eight octets that are compared.
 */
export class NameBudget {
  private left = 0

  /** Starts a new message. */
  begin(size: Octets): void {
    this.left = BASE_STEPS + STEPS_PER_OCTET * size
  }

  /** @throws InterdictError WIRE_LARGE if the message has taken too many steps */
  spend(steps: number): void {
    this.left -= steps
    if (this.left < 0) throw failure('WIRE_LARGE')
  }
}
