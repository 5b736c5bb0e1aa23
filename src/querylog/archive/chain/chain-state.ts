import type { Octets } from '../../../base/units.js'
import type { Link, Order, OrderedFile, SizedFile } from './chain-entry.js'

/** What the chain says of one file. */
export interface Standing {
  readonly sha256: string
  readonly octets: Octets
  /** Whether it is to be there; if not, whether others are in its place. */
  readonly state: 'stands' | 'replaced' | 'removed'
  /** What it had before it was written over, which a crash may have prevented. */
  readonly before?: string
}

/** Files that were removed by hand. */
export interface OrderedRemoval extends Order {
  readonly time: string
  readonly files: readonly OrderedFile[]
}

/** What a chain says of all files, after some of its lines. */
export class Book {
  readonly files = new Map<string, Standing>()
  readonly sum = { files: 0, octets: 0, removed: 0 }
  readonly ordered: OrderedRemoval[] = []
  /** When it began, and the last checkpoint. */
  began: string | undefined
  checkpoint: { readonly time: string; readonly within: number } | undefined
  /** Files that were there before it began. */
  found = 0

  add(link: Link): void {
    switch (link.kind) {
      case 'start':
        this.began = link.time
        this.found = link.found.length
        for (const file of link.found) this.put(file)
        return
      case 'file':
        return this.put(link)
      case 'replaced': {
        const before = new Map(link.files.map(({ file, sha256 }) => [file, sha256]))
        for (const { file, sha256 } of link.files) this.end(file, sha256, 'replaced')
        for (const file of link.by) this.put(file, before.get(file.file))
        return
      }
      case 'removed':
        if (link.why === 'order') {
          const { time, by, reason, files } = link
          this.ordered.push({ time, by, reason, files })
        } else this.sum.removed += link.files.length
        for (const { file, sha256 } of link.files) this.end(file, sha256, 'removed')
        return
      case 'checkpoint':
        this.checkpoint = { time: link.time, within: link.within }
    }
  }

  /** Names of files that are to be there, in the order of the chain. */
  standing(): [file: string, Standing][] {
    return [...this.files].filter(([, { state }]) => state === 'stands')
  }

  private put({ file, sha256, octets }: SizedFile, before?: string): void {
    this.end(file, sha256, 'replaced')
    // Last in the order.
    this.files.delete(file)
    const standing = { sha256, octets, state: 'stands' } as const
    this.files.set(file, before === undefined ? standing : { ...standing, before })
    this.sum.files++
    this.sum.octets += octets
  }

  private end(file: string, sha256: string, state: 'replaced' | 'removed'): void {
    const known = this.files.get(file)
    if (known?.state === 'stands') {
      this.sum.files--
      this.sum.octets -= known.octets
    }
    this.files.set(file, { sha256, octets: 0, state })
  }
}
