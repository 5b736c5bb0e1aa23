import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { renameDurably, writeFileAtomic } from '../../base/atomic-file.js'

/** Says which files one file replaces, from before it is there until they are gone. */
interface Replacement {
  /** Paths within the archive. */
  readonly into: string
  readonly from: readonly string[]
}

interface ArchiveFolder {
  readonly archiveFolder: string
}

const pathOf = ({ archiveFolder: archive }: ArchiveFolder): string =>
  join(archive, 'replacing.json')

/**
 * Puts a file in the place of several, all at once for whoever reads: before it has its name, its
 * part does not count, and from then on theirs do not.
 *
 * @param from their paths within the archive
 * @param noted called when it has its name, and before they are removed
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
 * After a crash too: what is replaced goes away.
 *
 * @param isNoted whether the chain has a file, by its path within the archive. Of one that it does
 * not have nobody knows who made it: it goes away, and what it would replace stays.
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

/** Paths of files that are there still, and replaced already. */
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
    // It was there a moment ago: all is done.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
