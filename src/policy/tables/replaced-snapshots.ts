import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Snapshot } from './snapshot.js'
import { collectGarbage } from '../../base/threads/heap.js'

const MB: Octets = 2 ** 20

/** Garbage up to this size may wait until V8 collects by itself. */
const TOLERATED_GARBAGE: Octets = 16 * MB

/**
 * V8 starts an incremental collection when array buffers hold 64 MB more than after the last collection
 * (kExternalAllocationSoftLimit).
 */
const DECOY_SIZE: Octets = 72 * MB
/** The time V8 gets for that collection under load; it takes about 20 ms. */
const COLLECTION_TIME: Milliseconds = 1000

/**
 * Delay before collecting, by which most work that uses the old snapshot is done. It differs by kind of
 * thread: if all collected at once on one core, queries would wait three times as long.
 */
export const COLLECT_DELAY = { worker: 1000, control: 2000, compiler: 3000 } as const

/**
 * Frees snapshots that were replaced in this thread.
 *
 * V8 does not count shared memory as part of a heap. A thread that makes almost no garbage is not
 * collected for hours, and each reload would leave a snapshot in it: 20 MB for 400,000 names. When that
 * exceeds the tolerated size, this allocates memory that V8 does count, to start an incremental
 * collection. If that does not help, it forces a full collection, which stops the thread for 10 ms; the
 * longest incremental step takes 3 to 5 ms.
 */
export class ReplacedSnapshots {
  /** The size of replaced snapshots that are not yet collected. */
  octets: Octets = 0
  private readonly registry = new FinalizationRegistry<Octets>(octets => (this.octets -= octets))
  private current: Snapshot | undefined
  private isCollecting = false
  /** Whether the delay of a snapshot is over that the current collection may have left. */
  private isRequested = false

  constructor(
    private readonly delay: Milliseconds,
    private readonly collectionTime = COLLECTION_TIME
  ) {}

  /** Registers the snapshot that this thread uses from now on. */
  setCurrent(snapshot: Snapshot): void {
    const replaced = this.current
    this.current = snapshot
    if (replaced !== undefined && replaced !== snapshot) this.discard(replaced)
  }

  /** Frees a snapshot that this thread does not use, or no longer. */
  discard(snapshot: Snapshot): void {
    this.octets += snapshot.octets
    this.registry.register(snapshot, snapshot.octets)
    setTimeout(() => void this.collect(), this.delay).unref()
  }

  private async collect(): Promise<void> {
    this.isRequested = true
    if (this.isCollecting) return
    this.isCollecting = true
    while (this.isRequested) {
      this.isRequested = false
      for (const step of [allocateDecoy, collectGarbage]) {
        if (this.octets <= TOLERATED_GARBAGE) break
        // Before the step: with the decoy, V8 collects all at once as soon as code is compiled or an object made old.
        const pause = sleep(this.collectionTime, undefined, { ref: false })
        step()
        await pause
      }
    }
    this.isCollecting = false
  }
}

/** Uses address space but no memory, since no page is touched. Without address space it does nothing. */
function allocateDecoy(): void {
  try {
    new ArrayBuffer(DECOY_SIZE)
  } catch {
    return
  }
}
