import type { Octets } from '../units.js'

/** Descriptors from this one on are not recorded: the limit of a process is seldom above. */
const MAX_DESCRIPTORS = 1 << 20
/** Mappings that the table has room for: a thread has one per listen address, and a few more. */
const MAX_MAPPINGS = 256

/** A memory mapping. */
export interface Mapping {
  readonly address: number
  readonly octets: Octets
}

/**
 * Open descriptors and memory mappings that one thread has and Node does not know of, in shared memory, so that the
 * process can release them however the thread died. While its descriptor stays open, a dead thread's
 * SO_REUSEPORT socket still receives its share of the clients; and mapped memory stays until the
 * process ends, 0.7 MB for each replaced worker.
 */
export class DescriptorTable {
  /** A bit for each descriptor. */
  private readonly descriptors: Int32Array
  /** Pairs of address, or 0 if unused, and size in octets. */
  private readonly mappings: BigInt64Array

  constructor(readonly shared = new SharedArrayBuffer(MAX_MAPPINGS * 16 + MAX_DESCRIPTORS / 8)) {
    this.mappings = new BigInt64Array(shared, 0, 2 * MAX_MAPPINGS)
    this.descriptors = new Int32Array(shared, MAX_MAPPINGS * 16, MAX_DESCRIPTORS / 32)
  }

  add(fd: number): void {
    if (fd < MAX_DESCRIPTORS) Atomics.or(this.descriptors, fd >>> 5, 1 << (fd & 31))
  }

  remove(fd: number): void {
    if (fd < MAX_DESCRIPTORS) Atomics.and(this.descriptors, fd >>> 5, ~(1 << (fd & 31)))
  }

  /** Removes and returns all descriptors. */
  takeDescriptors(): number[] {
    const fds: number[] = []
    for (const [at, bits] of this.descriptors.entries()) {
      for (let left = bits; left !== 0; left &= left - 1)
        fds.push(32 * at + 31 - Math.clz32(left & -left))
    }
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

  /** Removes and returns all mappings. */
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
