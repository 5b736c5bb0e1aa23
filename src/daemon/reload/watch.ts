import { watch, type FSWatcher } from 'node:fs'
import type { Milliseconds } from '../../base/units.js'
import { isOther, isUnchanged, marksOf, type Marks } from './watch-state.js'

/**
 * How long nothing must have happened before a change is told: several files are often written one
 * after the other, and one file piece by piece.
 */
const QUIET: Milliseconds = 50
/** How often files are looked at for changes that the kernel does not tell of (NFS, some mounts). */
const LOOK: Milliseconds = 500

/** Whom a watch tells. */
export interface WatchListener {
  /** Something happens; whether it is a change is known a little later. */
  stirred(): void
  changed(): void
}

/**
 * Tells when any of some files or folders changes: written in place, renamed over, or swapped by a
 * symbolic link anywhere on its path. Events of the kernel make it fast; looking at the files makes
 * it certain, since a link that is swapped further up makes no event in the folder it leads to.
 */
export class Watch {
  private readonly watchers = new Map<string, FSWatcher>()
  /** As they were read. */
  private marks: Marks = new Map()
  /** As they were at the last look, and since when they have been so. */
  private last: Marks = this.marks
  private lastChange: Milliseconds = 0
  private quiet: NodeJS.Timeout | undefined
  private looking = false
  private closed = false
  private readonly timer: NodeJS.Timeout

  constructor(private readonly listener: WatchListener) {
    this.timer = setInterval(() => void this.look(), LOOK)
    this.timer.unref()
  }

  /** The files and folders that are watched. */
  get paths(): readonly string[] {
    return [...this.marks.keys()]
  }

  /** From now on these, for any other look than they had when they were read. */
  follow(marks: Marks): void {
    const before = this.marks
    this.marks = this.last = marks
    for (const path of before.keys()) {
      if (isOther(before.get(path), marks.get(path))) this.leave(path)
    }
    for (const path of marks.keys()) this.listen(path)
    void this.look()
  }

  close(): void {
    this.closed = true
    clearInterval(this.timer)
    clearTimeout(this.quiet)
    for (const path of this.watchers.keys()) this.leave(path)
  }

  private listen(path: string): void {
    if (this.closed || this.watchers.has(path)) return
    try {
      const watcher = watch(path, { persistent: false }, () => this.stir())
      watcher.on('error', () => this.leave(path))
      this.watchers.set(path, watcher)
    } catch {
      // It may be gone just now; `look` sees it when it is there again.
    }
  }

  private leave(path: string): void {
    this.watchers.get(path)?.close()
    this.watchers.delete(path)
  }

  private stir(): void {
    this.listener.stirred()
    this.quiet?.refresh()
    this.quiet ??= setTimeout(() => {
      this.quiet = undefined
      void this.look()
    }, QUIET)
  }

  private async look(): Promise<void> {
    if (this.looking) return
    this.looking = true
    const { marks } = this
    const now = await marksOf(marks.keys())
    this.looking = false
    if (this.closed) return
    // Followed anew meanwhile: what is to be compared is what was read last.
    if (marks !== this.marks) return this.look()
    this.compare(now)
  }

  private compare(now: Marks): void {
    const time = performance.now()
    if (!isUnchanged(this.last, now)) this.lastChange = time
    this.last = now
    if (isUnchanged(this.marks, now)) return
    if (time - this.lastChange < QUIET) {
      this.stir()
      return
    }
    this.marks = now
    this.listener.changed()
  }
}
