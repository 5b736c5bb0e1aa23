import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'

const MB: Octets = 2 ** 20

/** So much may wait for V8 to collect when it likes. */
const TOLERATED_GARBAGE: Octets = 16 * MB

/**
 * V8 begins a collection when arrays have come to hold 64 MB more than after the last one
 * (kExternalAllocationSoftLimit), and does it in small steps.
 */
const DECOY_SIZE: Octets = 72 * MB
/** How long V8 may take for it, under load: it takes some 20 ms. */
const COLLECTION_TIME: Milliseconds = 1000

/**
 * By then whatever was under way with the old snapshot is mostly over. Each kind of thread has a
 * time of its own: all of them at once on one core keep queries waiting three times as long.
 */
export const COLLECT_DELAY = { worker: 1000, control: 2000, compiler: 3000 } as const

/**
 * Snapshots that were replaced in this thread, and the memory that they still hold.
 *
 * V8 does not count shared memory among what a heap holds on to. A thread that makes next to no
 * garbage is not collected for hours, and every reload would leave a snapshot in it: 20 MB for
 * 400,000 names. So, when that becomes too much, V8 is shown memory that it does count. If that does
 * not help, it is made to collect all at once, for which the thread stands still: 10 ms, where the
 * last of the small steps takes 3 to 5.
 */
export class ReplacedSnapshots {
  /** Of snapshots replaced here that are still held. */
  octets: Octets = 0
  readonly #registry = new FinalizationRegistry<Octets>(octets => (this.octets -= octets))
  #newest: Snapshot | undefined
  #waiting = false
  #more = false

  constructor(private readonly delay: Milliseconds) {}

  /** Tells that this thread goes over to a snapshot. */
  setCurrent(snapshot: Snapshot): void {
    const replaced = this.#newest
    this.#newest = snapshot
    if (replaced === undefined || replaced === snapshot) return
    this.octets += replaced.octets
    this.#registry.register(replaced, replaced.octets)
    this.#more = true
    if (!this.#waiting) void this.#collect()
  }

  async #collect(): Promise<void> {
    this.#waiting = true
    while (this.#more) {
      await sleep(this.delay, undefined, { ref: false })
      this.#more = false
      for (const step of [allocateDecoy, collectGarbage]) {
        if (this.octets <= TOLERATED_GARBAGE) break
        step()
        await sleep(COLLECTION_TIME, undefined, { ref: false })
      }
    }
    this.#waiting = false
  }
}

/** Costs addresses and no memory, since no page of it is touched; where there are none, nothing. */
function allocateDecoy(): void {
  try {
    new ArrayBuffer(DECOY_SIZE)
  } catch {
    return
  }
}

let gc: (() => void) | undefined

/**
 * A whole collection, now: contexts made while the flag is set have the function that does it. The
 * flag is one for all threads, and stays set: one that took it back took it from the others.
 */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  gc ??= runInNewContext('gc') as () => void
  gc()
}
