/** How many descriptors a ledger has room for; more are not noted. */
const LEDGER_ENTRIES = 1024

/**
 * The descriptors that one thread's batch sockets have open, in shared memory, so that they can be
 * closed after the thread has died in whatever way. It matters: as long as its descriptor is open,
 * a dead thread's SO_REUSEPORT socket goes on being given its share of the clients.
 */
export class Ledger {
  private readonly entries: Int32Array

  constructor(readonly shared = new SharedArrayBuffer(LEDGER_ENTRIES * 4)) {
    this.entries = new Int32Array(shared)
  }

  /** Each entry is a descriptor plus one, or 0 where there is none. */
  note(fd: number): void {
    const free = this.entries.indexOf(0)
    if (free >= 0) Atomics.store(this.entries, free, fd + 1)
  }

  forget(fd: number): void {
    const at = this.entries.indexOf(fd + 1)
    if (at >= 0) Atomics.store(this.entries, at, 0)
  }

  /** Empties the ledger and returns what was in it. */
  take(): number[] {
    const fds = [...this.entries].filter(entry => entry !== 0).map(entry => entry - 1)
    this.entries.fill(0)
    return fds
  }
}
