import type { Milliseconds, Octets } from '../../base/units.js'
import type { OpenSegment } from './open-segment.js'
import type { ChainEntry, RemovalRequest, ManuallyRemovedFile, SizedFile } from './chain-entry.js'

/** State of one file according to the chain. */
export interface FileState {
  readonly sha256: string
  readonly octets: Octets
  /** Whether the file should exist; if not, whether other files replaced it. */
  readonly state: 'present' | 'replaced' | 'removed'
  /** Its hash before it was overwritten, in case a crash prevented that. */
  readonly previousSha256?: string
}

/** A removal requested by an operator. */
export interface ManualRemoval extends RemovalRequest {
  readonly time: string
  readonly files: readonly ManuallyRemovedFile[]
}

/** State of all files after a number of chain entries. */
export class ChainState {
  readonly files = new Map<string, FileState>()
  readonly totals = { files: 0, octets: 0, removed: 0 }
  readonly manualRemovals: ManualRemoval[] = []
  /** Times of the start and of the last checkpoint. */
  startedAt: string | undefined
  checkpoint: { readonly time: string; readonly within: number } | undefined
  /** Segments of the live file that checkpoints cover. */
  openSegments: OpenSegment[] = []
  /** Segments of closed files that checkpoints covered while these were live, unless the files were replaced since. */
  readonly segments = new Map<string, readonly OpenSegment[]>()
  /** Numbers of the checkpoints that found earlier lines of the live file missing. */
  readonly shrunk: number[] = []
  /** Checkpoints by line number, and whether each covers the live file. */
  readonly checkpoints: { readonly n: number; readonly time: string; readonly covers: boolean }[] =
    []
  /** Numbers of the entries for replacements of files with lookups by others. */
  readonly conversions: number[] = []
  /** Time of the first lookup in closed files; Infinity: none is known. */
  firstLookup: Milliseconds = Infinity
  /** Files that existed before the chain started. */
  foundAtStart = 0

  apply(entry: ChainEntry): void {
    switch (entry.kind) {
      case 'start':
        this.startedAt = entry.time
        this.foundAtStart = entry.found.length
        for (const file of entry.found) this.setPresent(file)
        return
      case 'file':
        this.setPresent(entry)
        if (entry.first !== undefined)
          this.firstLookup = Math.min(this.firstLookup, Date.parse(entry.first))
        // Closed files are recorded in the order of closing, all before the next segment.
        if (this.openSegments.length > 0) this.segments.set(entry.file, this.openSegments)
        this.openSegments = []
        return
      case 'replaced': {
        const before = new Map(entry.files.map(({ file, sha256 }) => [file, sha256]))
        for (const { file, sha256 } of entry.files) this.setAbsent(file, sha256, 'replaced')
        for (const file of entry.by) this.setPresent(file, before.get(file.file))
        if (entry.files.length > 0) this.conversions.push(entry.n)
        return
      }
      case 'removed':
        if (entry.why === 'order') {
          const { time, by, reason, files } = entry
          this.manualRemovals.push({ time, by, reason, files })
        } else this.totals.removed += entry.files.length
        for (const { file, sha256 } of entry.files) this.setAbsent(file, sha256, 'removed')
        return
      case 'checkpoint':
        this.checkpoint = { time: entry.time, within: entry.within }
        this.checkpoints.push({ n: entry.n, time: entry.time, covers: entry.open !== undefined })
        if (entry.open !== undefined) this.addSegment(entry.n, entry.open)
    }
  }

  /** Offset in the live file up to which checkpoints cover its lines. */
  get openTo(): Octets {
    return this.openSegments.at(-1)?.to ?? 0
  }

  /** Files that should exist, in the order of the chain. */
  presentFiles(): [file: string, FileState][] {
    return [...this.files].filter(([, { state }]) => state === 'present')
  }

  private addSegment(n: number, segment: OpenSegment): void {
    if (segment.from !== this.openTo) {
      this.shrunk.push(n)
      this.openSegments = []
    }
    this.openSegments.push(segment)
  }

  private setPresent({ file, sha256, octets }: SizedFile, before?: string): void {
    this.setAbsent(file, sha256, 'replaced')
    // Move it to the end.
    this.files.delete(file)
    const present = { sha256, octets, state: 'present' } as const
    this.files.set(file, before === undefined ? present : { ...present, previousSha256: before })
    this.totals.files++
    this.totals.octets += octets
  }

  private setAbsent(file: string, sha256: string, state: 'replaced' | 'removed'): void {
    const known = this.files.get(file)
    this.segments.delete(file)
    if (known?.state === 'present') {
      this.totals.files--
      this.totals.octets -= known.octets
    }
    this.files.set(file, { sha256, octets: 0, state })
  }
}
