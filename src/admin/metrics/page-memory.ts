import type { Octets } from '../../base/units.js'

/** Lines get longer, and more. */
const GROWTH = 1.25

/** A page, and what to call when its octets are not needed any more. */
export interface HeldPage {
  readonly body: Buffer
  readonly release: () => void
}

/**
 * Memory of a page that is used again for the next one. A page may have megabytes: with new memory for each, V8 would
 * collect the heap every few scrapes, at the cost of the workers on the same core.
 */
export class PageMemory {
  /** Undefined while it is in use. */
  private spare: Buffer | undefined = Buffer.alloc(0)

  /** @returns a copy; with memory of its own while the page before is still in use */
  join(parts: readonly Uint8Array[]): HeldPage {
    const size: Octets = parts.reduce((sum, { length }) => sum + length, 0)
    const { spare } = this
    this.spare = undefined
    const memory =
      spare === undefined || spare.length < size
        ? Buffer.allocUnsafeSlow(Math.ceil(GROWTH * size))
        : spare
    let at: Octets = 0
    for (const part of parts) {
      memory.set(part, at)
      at += part.length
    }
    const release = (): void => void (this.spare ??= memory)
    return { body: memory.subarray(0, size), release }
  }
}
