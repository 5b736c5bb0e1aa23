import type { Milliseconds } from '../../src/base/units.js'

/**
 * How long after the control thread says that rules are in force a worker may still have answered by
 * those before: its message is on the way, on a machine that does other things too.
 */
const LAG: Milliseconds = 500
/** A query that waits for an upstream has given up by then, whatever happened. */
const LONGEST: Milliseconds = 5_000
/** Until news of the gateway's process are here. */
const NEWS: Milliseconds = 500
/** Failures are kept for 1 s, and an upstream out of rotation is probed within two more, twice. */
const RECOVERY: Milliseconds = 6_000

interface Span {
  readonly from: Milliseconds
  to: Milliseconds
}

/** What happened when, and so what is right for a query. Times are of `performance.now()`. */
export class History {
  /** From when on each generation may have been in force, and until when. Index: its number. */
  private readonly generations: Span[] = [{ from: Infinity, to: -Infinity }]
  private readonly deaths: Span[] = []
  private readonly outages: Span[] = []

  /** The rules of the next generation are written. */
  written(now: Milliseconds): void {
    this.generations.push({ from: now, to: Infinity })
  }

  inForce(generation: number, now: Milliseconds): void {
    const before = this.generations[generation - 1]!
    before.to = Math.min(before.to, now)
  }

  /** Generations that may have answered a query sent and answered at these times. */
  possible(sent: Milliseconds, answered: Milliseconds): number[] {
    return [...this.generations.keys()].filter(generation => {
      const { from, to } = this.generations[generation]!
      return from <= answered && to + LAG >= sent
    })
  }

  /** How long after its end a generation answered a query that was sent then; 0: it had not ended. */
  lateness(generation: number, sent: Milliseconds): Milliseconds {
    return Math.max(0, sent - (this.generations[generation]?.to ?? -Infinity))
  }

  workerDies(now: Milliseconds): void {
    this.deaths.push({ from: now, to: Infinity })
  }

  workerDied(now: Milliseconds): void {
    this.deaths.at(-1)!.to = now
  }

  /** Whether a query sent then may have been with a worker that died. */
  mayBeLost(sent: Milliseconds): boolean {
    return this.deaths.some(({ from, to }) => sent >= from - LONGEST && sent <= to + NEWS)
  }

  upstreamGoes(now: Milliseconds): void {
    this.outages.push({ from: now, to: Infinity })
  }

  upstreamComes(now: Milliseconds): void {
    this.outages.at(-1)!.to = now
  }

  /** Whether a query answered then may have found no upstream. */
  mayFail(sent: Milliseconds, answered: Milliseconds): boolean {
    return this.outages.some(({ from, to }) => answered >= from && sent <= to + RECOVERY)
  }
}
