import type { Attempt } from '../query/upstream-query.js'

/** IDs are random, so chains fill evenly. Few: most of a thousand sockets have one attempt or none. */
const CHAINS = 64

/** Attempts in flight on one socket by ID. Chained, not a `Map`: see `UpstreamQueryTable`. */
export class AttemptTable {
  size = 0
  private readonly chains = Array.from<Attempt | undefined>({ length: CHAINS })

  /** The attempt with this ID; -1 matches none. */
  get(id: number): Attempt | undefined {
    let attempt = this.chains[id & (CHAINS - 1)]
    while (attempt !== undefined && attempt.id !== id) attempt = attempt.nextInChain
    return attempt
  }

  /** The ID must be free. */
  add(attempt: Attempt): void {
    const chain = attempt.id & (CHAINS - 1)
    attempt.nextInChain = this.chains[chain]
    this.chains[chain] = attempt
    this.size++
  }

  delete(id: number): void {
    const chain = id & (CHAINS - 1)
    let before: Attempt | undefined
    let at = this.chains[chain]
    while (at !== undefined && at.id !== id) {
      before = at
      at = at.nextInChain
    }
    if (at === undefined) return
    if (before === undefined) this.chains[chain] = at.nextInChain
    else before.nextInChain = at.nextInChain
    at.nextInChain = undefined
    this.size--
  }

  clear(): void {
    this.chains.fill(undefined)
    this.size = 0
  }

  *values(): Generator<Attempt> {
    for (const first of this.chains) {
      for (let attempt = first; attempt !== undefined; attempt = attempt.nextInChain) yield attempt
    }
  }
}
