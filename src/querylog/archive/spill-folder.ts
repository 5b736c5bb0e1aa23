import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Those of this process that are there still. */
const spillFolders = new Set<string>()

/**
 * A folder for what is more than memory should hold, for this user alone; undefined where the disk
 * takes none, since most questions need none. It is gone at the latest when the process ends, unless
 * that is killed.
 */
export function createSpillFolder(): string | undefined {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'interdict-'))
    if (spillFolders.size === 0) process.once('exit', removeAllSpillFolders)
    spillFolders.add(folder)
    return folder
  } catch {
    return undefined
  }
}

export function removeSpillFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  spillFolders.delete(folder)
  if (spillFolders.size === 0) process.removeListener('exit', removeAllSpillFolders)
}

function removeAllSpillFolders(): void {
  for (const folder of spillFolders) removeSpillFolder(folder)
}
