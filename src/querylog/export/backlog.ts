import type { Octets } from '../../base/units.js'
import type { Spool } from './spool.js'

/** Beyond that, what waits goes to the disk. */
const MAX_IN_MEMORY: Octets = 1024 * 1024

interface Block {
  readonly octets: Uint8Array
  readonly lines: number
}

/** What a sink has still to send, in order: in memory while it is little, then on the disk. */
export class Backlog {
  /** Lines for which there was no room. */
  dropped = 0
  private memory: Block[] = []
  private octets: Octets = 0
  private wake: (() => void) | undefined

  /** @param onSpoolError told when the disk fails */
  constructor(
    private readonly spool: Spool,
    private readonly onSpoolError: (error: unknown) => void
  ) {}

  /** Octets that wait. */
  get pendingOctets(): Octets {
    return this.octets + this.spool.size
  }

  push(octets: Uint8Array, lines: number): void {
    if (this.spool.isEmpty && this.octets + octets.length <= MAX_IN_MEMORY) {
      this.memory.push({ octets, lines })
      this.octets += octets.length
    } else {
      // The first may be under way just now, and comes before all others anyway.
      const [first, ...others] = this.memory
      this.memory = first === undefined ? [] : [first]
      this.octets = first?.octets.length ?? 0
      for (const block of [...others, { octets, lines }]) this.spoolBlock(block)
    }
    this.wake?.()
  }

  /** The oldest lines, once there are some; they stay until `done`. Throws what the disk says. */
  async peek(): Promise<Uint8Array> {
    while (this.memory.length === 0 && this.spool.isEmpty)
      await new Promise<void>(resolve => (this.wake = resolve))
    return this.memory[0]?.octets ?? this.spool.readOldest()
  }

  /** What `head` gave is sent, or is not to be. */
  removeOldest(): void {
    const first = this.memory.shift()
    if (first === undefined) this.spool.removeOldest()
    else this.octets -= first.octets.length
  }

  /** For the next start: what is in memory is on the disk, before what is there. */
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
