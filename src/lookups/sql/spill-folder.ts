import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Folders of this process that still exist. */
const spillFolders = new Set<string>()

/**
 * Creates a private temporary folder for data that exceeds the memory limit; undefined if the disk
 * does not allow it, because most queries need none. Removed at the latest when the process exits,
 * unless it is killed.
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
