import type { Octets } from '../../base/units.js'

/** How many descriptors a ledger has room for; more are not noted. */
const MAX_DESCRIPTORS = 1024
/** How many pieces of memory; a thread has one for each address that it listens on, and a few more. */
const MAX_MAPPINGS = 256

/** Mapped memory. */
export interface Mapping {
  readonly address: number
  readonly octets: Octets
}

/**
 * What one thread's batch sockets have open and mapped, in shared memory, so that it can be closed
 * and given back after the thread has died in whatever way. It matters: as long as its descriptor is
 * open, a dead thread's SO_REUSEPORT socket goes on being given its share of the clients; and memory
 * that was mapped stays until the process ends, 0.7 MB for each worker that is replaced.
 */
export class DescriptorTable {
  /** Each entry is a descriptor plus one, or 0 where there is none. */
  private readonly descriptors: Int32Array
  /** An address, or 0 where there is none, then octets. */
  private readonly mappings: BigInt64Array

  constructor(readonly shared = new SharedArrayBuffer(MAX_MAPPINGS * 16 + MAX_DESCRIPTORS * 4)) {
    this.mappings = new BigInt64Array(shared, 0, 2 * MAX_MAPPINGS)
    this.descriptors = new Int32Array(shared, MAX_MAPPINGS * 16, MAX_DESCRIPTORS)
  }

  add(fd: number): void {
    const free = this.descriptors.indexOf(0)
    if (free >= 0) Atomics.store(this.descriptors, free, fd + 1)
  }

  remove(fd: number): void {
    const at = this.descriptors.indexOf(fd + 1)
    if (at >= 0) Atomics.store(this.descriptors, at, 0)
  }

  /** Empties the ledger of descriptors and returns what was in it. */
  takeDescriptors(): number[] {
    const fds = [...this.descriptors].filter(entry => entry !== 0).map(entry => entry - 1)
    this.descriptors.fill(0)
    return fds
  }

  addMapping(address: number, octets: Octets): void {
    for (let at = 0; at < this.mappings.length; at += 2) {
      if (this.mappings[at] !== 0n) continue
      Atomics.store(this.mappings, at + 1, BigInt(octets))
      Atomics.store(this.mappings, at, BigInt(address))
      return
    }
  }

  removeMapping(address: number): void {
    for (let at = 0; at < this.mappings.length; at += 2) {
      if (this.mappings[at] === BigInt(address)) Atomics.store(this.mappings, at, 0n)
    }
  }

  /** Empties the ledger of memory and returns what was in it. */
  takeMappings(): Mapping[] {
    const taken: Mapping[] = []
    for (let at = 0; at < this.mappings.length; at += 2) {
      const address = Number(this.mappings[at])
      if (address !== 0) taken.push({ address, octets: Number(this.mappings[at + 1]) })
    }
    this.mappings.fill(0n)
    return taken
  }
}
