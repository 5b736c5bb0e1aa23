import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Those of this process that are there still. */
const folders = new Set<string>()

/**
 * A folder for what is more than memory should hold, for this user alone; undefined where the disk
 * takes none, since most questions need none. It is gone at the latest when the process ends, unless
 * that is killed.
 */
export function openSpill(): string | undefined {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'interdict-'))
    if (folders.size === 0) process.once('exit', closeAll)
    folders.add(folder)
    return folder
  } catch {
    return undefined
  }
}

export function closeSpill(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  folders.delete(folder)
  if (folders.size === 0) process.removeListener('exit', closeAll)
}

function closeAll(): void {
  for (const folder of folders) closeSpill(folder)
}
