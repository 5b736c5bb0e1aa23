import { watch, type FSWatcher } from 'node:fs'
import type { Milliseconds } from '../../base/units.js'
import { isReplaced, isUnchanged, readWatchState, type WatchState } from './watch-state.js'

/**
 * How long nothing must have happened before a change is told: several files are often written one
 * after the other, and one file piece by piece.
 */
const DEBOUNCE: Milliseconds = 50
/** How often files are looked at for changes that the kernel does not tell of (NFS, some mounts). */
const POLL_INTERVAL: Milliseconds = 500

/** Whom a watch tells. */
export interface WatchListener {
  /** Something happens; whether it is a change is known a little later. */
  onActivity(): void
  onChange(): void
}

/**
 * Tells when any of some files or folders changes: written in place, renamed over, or swapped by a
 * symbolic link anywhere on its path. Events of the kernel make it fast; looking at the files makes
 * it certain, since a link that is swapped further up makes no event in the folder it leads to.
 */
export class FileWatcher {
  private readonly watchers = new Map<string, FSWatcher>()
  /** As they were read. */
  private known: WatchState = new Map()
  /** As they were at the last look, and since when they have been so. */
  private latest: WatchState = this.known
  private latestChange: Milliseconds = 0
  private debounceTimer: NodeJS.Timeout | undefined
  private isChecking = false
  private closed = false
  private readonly pollTimer: NodeJS.Timeout

  constructor(private readonly listener: WatchListener) {
    this.pollTimer = setInterval(() => void this.check(), POLL_INTERVAL)
    this.pollTimer.unref()
  }

  /** The files and folders that are watched. */
  get paths(): readonly string[] {
    return [...this.known.keys()]
  }

  /** From now on these, for any other look than they had when they were read. */
  watch(marks: WatchState): void {
    const before = this.known
    this.known = this.latest = marks
    for (const path of before.keys()) {
      if (isReplaced(before.get(path), marks.get(path))) this.unsubscribe(path)
    }
    for (const path of marks.keys()) this.subscribe(path)
    void this.check()
  }

  close(): void {
    this.closed = true
    clearInterval(this.pollTimer)
    clearTimeout(this.debounceTimer)
    for (const path of this.watchers.keys()) this.unsubscribe(path)
  }

  private subscribe(path: string): void {
    if (this.closed || this.watchers.has(path)) return
    try {
      const watcher = watch(path, { persistent: false }, () => this.onEvent())
      watcher.on('error', () => this.unsubscribe(path))
      this.watchers.set(path, watcher)
    } catch {
      // It may be gone just now; `look` sees it when it is there again.
    }
  }

  private unsubscribe(path: string): void {
    this.watchers.get(path)?.close()
    this.watchers.delete(path)
  }

  private onEvent(): void {
    this.listener.onActivity()
    this.debounceTimer?.refresh()
    this.debounceTimer ??= setTimeout(() => {
      this.debounceTimer = undefined
      void this.check()
    }, DEBOUNCE)
  }

  private async check(): Promise<void> {
    if (this.isChecking) return
    this.isChecking = true
    const { known: marks } = this
    const now = await readWatchState(marks.keys())
    this.isChecking = false
    if (this.closed) return
    // Followed anew meanwhile: what is to be compared is what was read last.
    if (marks !== this.known) return this.check()
    this.compare(now)
  }

  private compare(now: WatchState): void {
    const time = performance.now()
    if (!isUnchanged(this.latest, now)) this.latestChange = time
    this.latest = now
    if (isUnchanged(this.known, now)) return
    if (time - this.latestChange < DEBOUNCE) {
      this.onEvent()
      return
    }
    this.known = now
    this.listener.onChange()
  }
}
