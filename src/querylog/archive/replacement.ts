import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { renameDurably, writeFileAtomic } from '../../base/atomic-file.js'

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
 * @param noted called after the new file has its name and before the old files are removed
 */
export function replaceFiles(
  place: ArchiveFolder,
  made: string,
  into: string,
  from: readonly string[],
  noted?: () => void
): void {
  const replacement: Replacement = { into, from }
  writeFileAtomic(pathOf(place), JSON.stringify(replacement))
  renameDurably(made, join(place.archiveFolder, into))
  noted?.()
  finishReplacement(place)
}

/**
 * Completes a replacement, also after a crash: removes the replaced files.
 *
 * @param isNoted whether the chain has a file, given its path relative to the archive folder. A new
 *   file that it does not have is of unknown origin: that file is removed, and the old files stay.
 */
export function finishReplacement(place: ArchiveFolder, isNoted?: (into: string) => boolean): void {
  const replaced = replacedFiles(place)
  const into = read(place)?.into
  if (into !== undefined && isNoted?.(into) === false) {
    if (replaced.length > 0 && replaced.every(path => existsSync(path)))
      rmSync(join(place.archiveFolder, into))
  } else for (const path of replaced) rmSync(path, { force: true })
  rmSync(pathOf(place), { force: true })
}

/** Paths of files that are already replaced but still exist. */
export function replacedFiles(place: ArchiveFolder): readonly string[] {
  const replacement = read(place)
  if (replacement === undefined || !existsSync(join(place.archiveFolder, replacement.into)))
    return []
  return replacement.from.map(path => join(place.archiveFolder, path))
}

function read(place: ArchiveFolder): Replacement | undefined {
  if (!existsSync(pathOf(place))) return undefined
  try {
    return JSON.parse(readFileSync(pathOf(place), 'utf8')) as Replacement
  } catch (error) {
    // Deleted a moment ago: the replacement is complete.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
