import { watch, type FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Milliseconds } from '../base/units.js'

/** After the last event of the kernel: several files are often written one after the other. */
const QUIET: Milliseconds = 50
/** How often files are looked at for changes that the kernel does not tell of (NFS, some mounts). */
const LOOK: Milliseconds = 500

/**
 * Tells when any of some files or folders changes: written in place, renamed over, or swapped by a
 * symbolic link anywhere on its path. Events of the kernel make it fast; looking at the files makes
 * it certain, since a link that is swapped further up makes no event in the folder it leads to.
 */
export class Watch {
  private readonly watchers = new Map<string, FSWatcher>()
  private paths: readonly string[] = []
  private seen = ''
  private quiet: NodeJS.Timeout | undefined
  private looking = false
  private readonly timer: NodeJS.Timeout

  constructor(private readonly changed: () => void) {
    this.timer = setInterval(() => void this.look(), LOOK)
    this.timer.unref()
  }

  /** From now on these files and folders, in the state in which they are now. */
  async follow(paths: readonly string[]): Promise<void> {
    this.paths = [...paths].sort()
    this.seen = await this.fingerprint()
    for (const [path, watcher] of this.watchers) {
      if (this.paths.includes(path)) continue
      watcher.close()
      this.watchers.delete(path)
    }
    for (const path of this.paths) this.listen(path)
  }

  close(): void {
    clearInterval(this.timer)
    clearTimeout(this.quiet)
    for (const watcher of this.watchers.values()) watcher.close()
    this.watchers.clear()
  }

  private listen(path: string): void {
    if (this.watchers.has(path)) return
    try {
      const watcher = watch(path, { persistent: false }, () => this.stir())
      watcher.on('error', () => {
        watcher.close()
        this.watchers.delete(path)
      })
      this.watchers.set(path, watcher)
    } catch {
      // It may be gone just now; `look` sees it when it is there again.
    }
  }

  private stir(): void {
    clearTimeout(this.quiet)
    this.quiet = setTimeout(() => void this.look(), QUIET)
  }

  private async look(): Promise<void> {
    if (this.looking) return
    this.looking = true
    const now = await this.fingerprint()
    this.looking = false
    if (now === this.seen) return
    this.seen = now
    this.changed()
  }

  private async fingerprint(): Promise<string> {
    const marks = await Promise.all(
      this.paths.map(async path => {
        const found = await stat(path, { bigint: true }).catch(() => undefined)
        return found === undefined
          ? '-'
          : `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}`
      })
    )
    return marks.join(' ')
  }
}
