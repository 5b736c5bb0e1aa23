import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { renameDurably, writeFileAtomic } from '../../base/files/atomic-file.js'

/**
 * Journal of a replacement: written before the new file gets its name, removed when the old files
 * are gone.
 */
interface Replacement {
  /** Paths relative to the archive folder. */
  readonly into: string
  readonly from: readonly string[]
}

interface ArchiveFolder {
  readonly archiveFolder: string
}

const pathOf = ({ archiveFolder: archive }: ArchiveFolder): string =>
  join(archive, 'replacing.json')

/**
 * Replaces several files by one, atomically for readers: until the new file has its name it does
 * not count, and from then on the old files do not.
 *
 * @param from their paths relative to the archive folder
 * @param onReplaced called after the new file has its name and before the old files are removed
 */
export function replaceFiles(
  layout: ArchiveFolder,
  temporary: string,
  into: string,
  from: readonly string[],
  onReplaced?: () => void
): void {
  const replacement: Replacement = { into, from }
  writeFileAtomic(pathOf(layout), JSON.stringify(replacement))
  renameDurably(temporary, join(layout.archiveFolder, into))
  onReplaced?.()
  finishReplacement(layout)
}

/**
 * Completes a replacement, also after a crash: removes the replaced files.
 *
 * @param isNoted whether the chain has a file, given its path relative to the archive folder. A new
 *   file that it does not have is of unknown origin: that file is removed, and the old files stay.
 */
export function finishReplacement(
  layout: ArchiveFolder,
  isNoted?: (into: string) => boolean
): void {
  const replaced = replacedFiles(layout)
  const into = read(layout)?.into
  if (into !== undefined && isNoted?.(into) === false) {
    if (replaced.length > 0 && replaced.every(path => existsSync(path)))
      rmSync(join(layout.archiveFolder, into))
  } else for (const path of replaced) rmSync(path, { force: true })
  rmSync(pathOf(layout), { force: true })
}

/** Paths of files that are already replaced but still exist. */
export function replacedFiles(layout: ArchiveFolder): readonly string[] {
  const replacement = read(layout)
  if (replacement === undefined || !existsSync(join(layout.archiveFolder, replacement.into)))
    return []
  return replacement.from.map(path => join(layout.archiveFolder, path))
}

function read(layout: ArchiveFolder): Replacement | undefined {
  if (!existsSync(pathOf(layout))) return undefined
  try {
    return JSON.parse(readFileSync(pathOf(layout), 'utf8')) as Replacement
  } catch (error) {
    // Deleted a moment ago: the replacement is complete.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
