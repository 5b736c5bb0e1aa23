import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A fingerprint of each watched file and folder, by path. It changes when the file is written, replaced,
 * created or deleted; its first word (device and inode) only when a different file is at the path.
 */
export type WatchState = ReadonlyMap<string, string>

const ABSENT = '-'

/** Follows symbolic links, so that a fingerprint changes when a link anywhere on the path is swapped. */
export async function readWatchState(paths: Iterable<string>): Promise<WatchState> {
  const entries = [...paths].map(async path => [path, await fingerprintOf(path)] as const)
  return new Map(await Promise.all(entries))
}

async function fingerprintOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined)
  if (stats === undefined) return ABSENT
  const { dev, ino, size, mtimeNs, ctimeNs } = stats
  return `${dev}:${ino} ${size}:${mtimeNs}:${ctimeNs}`
}

/** Whether a different file, or none, is at the path: not the same file with new content. */
export function isReplaced(before: string | undefined, now: string | undefined): boolean {
  return before?.split(' ', 1)[0] !== now?.split(' ', 1)[0]
}

/** Whether every path in `now` had the same fingerprint before. */
export function isUnchanged(before: WatchState, now: WatchState): boolean {
  return [...now].every(([path, fingerprint]) => before.get(path) === fingerprint)
}

/** The folder and its entries, two levels deep; just the folder if it cannot be read. */
export async function listPaths(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const within = entries.map(async entry => {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) return [path]
    const names = await readdir(path).catch(() => [])
    return [path, ...names.map(name => join(path, name))]
  })
  return [folder, ...(await Promise.all(within)).flat()]
}
