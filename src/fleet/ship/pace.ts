import { setTimeout as sleep } from 'node:timers/promises'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'

/** The slowest share of the rate, so that files still move on a busy uplink. */
const SLOWEST = 1 / 32
/** A chunk is late when it takes this many times the best time, and this much longer. */
const LATE_FACTOR = 3
const LATE: Milliseconds = 50
/** How fast the best time is forgotten: the way may have changed. */
const FORGET = 1.002

/**
 * Keeps an upload below a rate, and gives way to other traffic: when chunks take longer than they can, the uplink
 * has a queue, and the rate is halved until it has none (as in LEDBAT, RFC 6817 §2.4).
 */
export class Pace {
  private share = 1
  private best: Milliseconds = Infinity

  /** @param rate per second */
  constructor(
    private readonly rate: Octets,
    private readonly pause = (time: Milliseconds): Promise<unknown> => sleep(time)
  ) {}

  /** Waits after a chunk, which took so long to be acknowledged. */
  async after(octets: Octets, took: Milliseconds): Promise<void> {
    const isLate = took > LATE_FACTOR * this.best + LATE
    this.best = Math.min(this.best * FORGET, took)
    this.share = isLate ? Math.max(SLOWEST, this.share / 2) : Math.min(1, this.share * 1.1)
    const due = (octets * MS_PER_SECOND) / (this.rate * this.share)
    if (due > took) await this.pause(due - took)
  }
}
