import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { renameDurably, writeFileAtomic } from '../../base/atomic-file.js'

/** Says which files one file replaces, from before it is there until they are gone. */
interface Replacement {
  /** Paths within the archive. */
  readonly into: string
  readonly from: readonly string[]
}

interface Place {
  readonly archive: string
}

const pathOf = ({ archive }: Place): string => join(archive, 'replacing.json')

/**
 * Puts a file in the place of several, all at once for whoever reads: before it has its name, its
 * part does not count, and from then on theirs do not.
 *
 * @param from their paths within the archive
 * @param noted called when it has its name, and before they are removed
 */
export function replace(
  place: Place,
  made: string,
  into: string,
  from: readonly string[],
  noted?: () => void
): void {
  const replacement: Replacement = { into, from }
  writeFileAtomic(pathOf(place), JSON.stringify(replacement))
  renameDurably(made, join(place.archive, into))
  noted?.()
  finishReplacing(place)
}

/**
 * After a crash too: what is replaced goes away.
 *
 * @param isNoted whether the chain has a file, by its path within the archive. Of one that it does
 * not have nobody knows who made it: it goes away, and what it would replace stays.
 */
export function finishReplacing(place: Place, isNoted?: (into: string) => boolean): void {
  const replaced = replacedIn(place)
  const into = read(place)?.into
  if (into !== undefined && isNoted?.(into) === false) {
    if (replaced.length > 0 && replaced.every(path => existsSync(path)))
      rmSync(join(place.archive, into))
  } else for (const path of replaced) rmSync(path, { force: true })
  rmSync(pathOf(place), { force: true })
}

/** Paths of files that are there still, and replaced already. */
export function replacedIn(place: Place): readonly string[] {
  const replacement = read(place)
  if (replacement === undefined || !existsSync(join(place.archive, replacement.into))) return []
  return replacement.from.map(path => join(place.archive, path))
}

function read(place: Place): Replacement | undefined {
  if (!existsSync(pathOf(place))) return undefined
  try {
    return JSON.parse(readFileSync(pathOf(place), 'utf8')) as Replacement
  } catch (error) {
    // It was there a moment ago: all is done.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
