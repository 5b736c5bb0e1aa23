import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * What files and folders look like from outside, by path: a text that changes when they are
 * written, replaced, come or go. Its first word changes only when another file is there.
 */
export type WatchState = ReadonlyMap<string, string>

const ABSENT = '-'

/** Links are followed, so that a mark changes when one is swapped anywhere on the path. */
export async function readWatchState(paths: Iterable<string>): Promise<WatchState> {
  const marks = [...paths].map(async path => [path, await fingerprintOf(path)] as const)
  return new Map(await Promise.all(marks))
}

async function fingerprintOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found === undefined) return ABSENT
  const { dev, ino, size, mtimeNs, ctimeNs } = found
  return `${dev}:${ino} ${size}:${mtimeNs}:${ctimeNs}`
}

/** Whether another file is at the path now, or none: not the same one with other content. */
export function isReplaced(before: string | undefined, now: string | undefined): boolean {
  return before?.split(' ', 1)[0] !== now?.split(' ', 1)[0]
}

/** Whether all that is in `now` looked so before. */
export function isUnchanged(before: WatchState, now: WatchState): boolean {
  return [...now].every(([path, mark]) => before.get(path) === mark)
}

/** A folder, what is in it, and what is in the folders in it; only itself if it cannot be read. */
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
