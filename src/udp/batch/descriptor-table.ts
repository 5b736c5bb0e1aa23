import type { Octets } from '../../base/units.js'

/**
 * Descriptors that the table has room for: of upstream sockets of two address families, and a few
 * more. Any more are not recorded.
 */
const MAX_DESCRIPTORS = 4096
/** Mappings that the table has room for: a thread has one per listen address, and a few more. */
const MAX_MAPPINGS = 256

/** A memory mapping. */
export interface Mapping {
  readonly address: number
  readonly octets: Octets
}

/**
 * Open descriptors and memory mappings of one thread's batch sockets, in shared memory, so that the
 * process can release them however the thread died. While its descriptor stays open, a dead thread's
 * SO_REUSEPORT socket still receives its share of the clients; and mapped memory stays until the
 * process ends, 0.7 MB for each replaced worker.
 */
export class DescriptorTable {
  /** Each entry is a descriptor plus one, or 0 if unused. */
  private readonly descriptors: Int32Array
  /** Pairs of address, or 0 if unused, and size in octets. */
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

  /** Removes and returns all descriptors. */
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
