import { watch, type FSWatcher } from 'node:fs'
import type { Milliseconds } from '../../base/units.js'
import { isReplaced, isUnchanged, readWatchState, type WatchState } from './watch-state.js'

/**
 * How long files must stay unchanged before a change is reported: often several files are written one
 * after the other, and one file piece by piece.
 */
const DEBOUNCE: Milliseconds = 50
/** Polling interval, for changes that the kernel does not report (NFS, some mounts). */
const POLL_INTERVAL: Milliseconds = 500
/**
 * The pause after a poll, by the time that it took: 100,000 files take half a second, and would keep half
 * a core busy.
 */
const POLL_PAUSE = 20

export interface WatchListener {
  /** Something happened; whether it is a change is known a little later. */
  onActivity(): void
  onChange(): void
}

/**
 * Reports when any of a set of files and folders changes: written in place, renamed over, or swapped by a
 * symbolic link anywhere on its path. Kernel events make it fast; polling makes it reliable, since a link
 * swapped further up the path causes no event in the folder it leads to.
 */
export class FileWatcher {
  private readonly watchers = new Map<string, FSWatcher>()
  /** The state in which the files were read. */
  private known: WatchState = new Map()
  /** The state at the last check, and since when it has been so. */
  private latest: WatchState = this.known
  private latestChange: Milliseconds = 0
  private debounceTimer: NodeJS.Timeout | undefined
  private isChecking = false
  /** An event came while the state was read, perhaps too late for it. */
  private isOutdated = false
  /** The last reading of the state; pending for ever on a file system that hangs. */
  lastRead: Promise<unknown> = Promise.resolve()
  private closed = false
  private nextPoll: Milliseconds = 0
  private readonly pollTimer: NodeJS.Timeout

  /** @param read returns the state of files, as they are now */
  constructor(
    private readonly listener: WatchListener,
    private readonly read = readWatchState
  ) {
    this.pollTimer = setInterval(() => {
      if (performance.now() >= this.nextPoll) void this.check()
    }, POLL_INTERVAL)
    this.pollTimer.unref()
  }

  /** The files and folders that are watched. */
  get paths(): readonly string[] {
    return [...this.known.keys()]
  }

  /** Replaces the watched paths, and reports any state other than the one in which they were read. */
  watch(state: WatchState): void {
    const before = this.known
    this.known = this.latest = state
    for (const path of before.keys()) {
      if (isReplaced(before.get(path), state.get(path))) this.unsubscribe(path)
    }
    for (const path of state.keys()) this.subscribe(path)
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
      // The file may be missing just now; polling sees it when it is back.
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
      if (this.isChecking) this.isOutdated = true
      else void this.check()
    }, DEBOUNCE)
  }

  private async check(): Promise<void> {
    if (this.isChecking) return
    this.isChecking = true
    const { known } = this
    const started = performance.now()
    const reading = this.read(known.keys())
    this.lastRead = reading
    const now = await reading
    this.isChecking = false
    const ended = performance.now()
    this.nextPoll = ended + POLL_PAUSE * (ended - started)
    if (this.closed) return
    // The watched paths were replaced meanwhile, so compare again.
    if (known !== this.known) return this.check()
    this.compare(now)
    // Not with the next poll, which comes the later, the longer the reading took.
    if (!this.isOutdated) return
    this.isOutdated = false
    void this.check()
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
