import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { settle } from './safe-file.js'

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
 */
export function replace(place: Place, made: string, into: string, from: readonly string[]): void {
  const replacement: Replacement = { into, from }
  const draft = join(dirname(made), 'replacing.json')
  writeFileSync(draft, JSON.stringify(replacement))
  settle(draft, pathOf(place))
  settle(made, join(place.archive, into))
  finishReplacing(place)
}

/** After a crash too: what is replaced goes away. */
export function finishReplacing(place: Place): void {
  for (const path of replacedIn(place)) rmSync(path, { force: true })
  rmSync(pathOf(place), { force: true })
}

/** Paths of files that are there still, and replaced already. */
export function replacedIn(place: Place): readonly string[] {
  if (!existsSync(pathOf(place))) return []
  try {
    const { into, from } = JSON.parse(readFileSync(pathOf(place), 'utf8')) as Replacement
    if (!existsSync(join(place.archive, into))) return []
    return from.map(path => join(place.archive, path))
  } catch (error) {
    // It was there a moment ago: all is done.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
