import type { Octets } from '../../base/units.js'

/** How many descriptors a ledger has room for; more are not noted. */
const DESCRIPTORS = 1024
/** How many pieces of memory; a thread has one for each address that it listens on, and a few more. */
const PIECES = 256

/** Mapped memory. */
export interface Piece {
  readonly address: number
  readonly octets: Octets
}

/**
 * What one thread's batch sockets have open and mapped, in shared memory, so that it can be closed
 * and given back after the thread has died in whatever way. It matters: as long as its descriptor is
 * open, a dead thread's SO_REUSEPORT socket goes on being given its share of the clients; and memory
 * that was mapped stays until the process ends, 0.7 MB for each worker that is replaced.
 */
export class Ledger {
  /** Each entry is a descriptor plus one, or 0 where there is none. */
  private readonly descriptors: Int32Array
  /** An address, or 0 where there is none, then octets. */
  private readonly pieces: BigInt64Array

  constructor(readonly shared = new SharedArrayBuffer(PIECES * 16 + DESCRIPTORS * 4)) {
    this.pieces = new BigInt64Array(shared, 0, 2 * PIECES)
    this.descriptors = new Int32Array(shared, PIECES * 16, DESCRIPTORS)
  }

  note(fd: number): void {
    const free = this.descriptors.indexOf(0)
    if (free >= 0) Atomics.store(this.descriptors, free, fd + 1)
  }

  forget(fd: number): void {
    const at = this.descriptors.indexOf(fd + 1)
    if (at >= 0) Atomics.store(this.descriptors, at, 0)
  }

  /** Empties the ledger of descriptors and returns what was in it. */
  take(): number[] {
    const fds = [...this.descriptors].filter(entry => entry !== 0).map(entry => entry - 1)
    this.descriptors.fill(0)
    return fds
  }

  noteMemory(address: number, octets: Octets): void {
    for (let at = 0; at < this.pieces.length; at += 2) {
      if (this.pieces[at] !== 0n) continue
      Atomics.store(this.pieces, at + 1, BigInt(octets))
      Atomics.store(this.pieces, at, BigInt(address))
      return
    }
  }

  forgetMemory(address: number): void {
    for (let at = 0; at < this.pieces.length; at += 2) {
      if (this.pieces[at] === BigInt(address)) Atomics.store(this.pieces, at, 0n)
    }
  }

  /** Empties the ledger of memory and returns what was in it. */
  takeMemory(): Piece[] {
    const taken: Piece[] = []
    for (let at = 0; at < this.pieces.length; at += 2) {
      const address = Number(this.pieces[at])
      if (address !== 0) taken.push({ address, octets: Number(this.pieces[at + 1]) })
    }
    this.pieces.fill(0n)
    return taken
  }
}
