import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fingerprintOf } from '../../base/files/file-fingerprint.js'
import type { Milliseconds } from '../../base/units.js'

/** The fingerprint of each watched file and folder, by path: see `fingerprintOf`. */
export type WatchState = ReadonlyMap<string, string>

/** Attempts to read files that change while being read, and the pause between two. */
export const MAX_ATTEMPTS = 5
export const RETRY_PAUSE: Milliseconds = 50

export async function readWatchState(paths: Iterable<string>): Promise<WatchState> {
  const entries = [...paths].map(async path => [path, await fingerprintOf(path)] as const)
  return new Map(await Promise.all(entries))
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
