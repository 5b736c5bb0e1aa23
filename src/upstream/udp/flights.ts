import type { Try } from '../query/asking.js'

/** IDs are random, so that these are filled evenly; with 64 in flight, most have one or none. */
const CHAINS = 256

/** Queries in flight on one socket, by ID, in chains of `Try.next`. See `AskingTable` for why. */
export class Flights {
  size = 0
  private readonly chains = Array.from<Try | undefined>({ length: CHAINS })

  /** What is in flight under this ID; -1 is none. */
  get(id: number): Try | undefined {
    let attempt = this.chains[id & (CHAINS - 1)]
    while (attempt !== undefined && attempt.id !== id) attempt = attempt.next
    return attempt
  }

  /** The caller sees to it that the ID is free. */
  add(attempt: Try): void {
    const chain = attempt.id & (CHAINS - 1)
    attempt.next = this.chains[chain]
    this.chains[chain] = attempt
    this.size++
  }

  delete(id: number): void {
    const chain = id & (CHAINS - 1)
    let before: Try | undefined
    let at = this.chains[chain]
    while (at !== undefined && at.id !== id) {
      before = at
      at = at.next
    }
    if (at === undefined) return
    if (before === undefined) this.chains[chain] = at.next
    else before.next = at.next
    at.next = undefined
    this.size--
  }

  clear(): void {
    this.chains.fill(undefined)
    this.size = 0
  }

  *values(): Generator<Try> {
    for (const first of this.chains) {
      for (let attempt = first; attempt !== undefined; attempt = attempt.next) yield attempt
    }
  }
}
