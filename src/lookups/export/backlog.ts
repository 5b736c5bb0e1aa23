import type { Octets } from '../../base/units.js'
import type { Spool } from './spool.js'

/** Beyond this, the backlog is spooled to disk. */
const MAX_IN_MEMORY: Octets = 1024 * 1024

interface Block {
  readonly octets: Uint8Array
  readonly lines: number
}

/**
 * Lookups an output has still to send, in order: in memory while they are few, then spooled to
 * disk.
 */
export class Backlog {
  /** Lines dropped because the spool was full or failed. */
  dropped = 0
  private memory: Block[] = []
  private octets: Octets = 0
  private wake: (() => void) | undefined

  /** @param onSpoolError receives disk errors */
  constructor(
    private readonly spool: Spool,
    private readonly onSpoolError: (error: unknown) => void
  ) {}

  /** Size of the backlog in memory and on disk. */
  get pendingOctets(): Octets {
    return this.octets + this.spool.size
  }

  push(octets: Uint8Array, lines: number): void {
    if (this.spool.isEmpty && this.octets + octets.length <= MAX_IN_MEMORY) {
      this.memory.push({ octets, lines })
      this.octets += octets.length
    } else {
      // The first block may be in transit, and comes before all others anyway.
      const [first, ...others] = this.memory
      this.memory = first === undefined ? [] : [first]
      this.octets = first?.octets.length ?? 0
      for (const block of [...others, { octets, lines }]) this.spoolBlock(block)
    }
    this.wake?.()
  }

  /**
   * Waits for the oldest lines and returns them; they stay until `removeOldest`. Throws disk
   * errors.
   */
  async peek(): Promise<Uint8Array> {
    while (this.memory.length === 0 && this.spool.isEmpty)
      await new Promise<void>(resolve => (this.wake = resolve))
    return this.memory[0]?.octets ?? this.spool.readOldest()
  }

  /** Removes the lines returned by `peek`, after they were sent or rejected. */
  removeOldest(): void {
    const first = this.memory.shift()
    if (first === undefined) this.spool.removeOldest()
    else this.octets -= first.octets.length
  }

  /** Saves the backlog for the next start: puts the blocks in memory before those on disk. */
  persist(): void {
    if (this.memory.length === 0) return
    const { memory } = this
    this.memory = []
    this.octets = 0
    try {
      this.spool.prepend(Buffer.concat(memory.map(({ octets }) => octets)))
    } catch (error) {
      for (const { lines } of memory) this.dropped += lines
      this.onSpoolError(error)
    }
  }

  private spoolBlock({ octets, lines }: Block): void {
    try {
      if (!this.spool.append(octets)) this.dropped += lines
    } catch (error) {
      this.dropped += lines
      this.onSpoolError(error)
    }
  }
}
