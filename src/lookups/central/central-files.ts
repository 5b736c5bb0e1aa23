import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Day } from '../files/log-layout.js'
import { centralFiles, centralPath, newestOf, type CentralFile } from './central-layout.js'

/** The partition that a file is in. */
export interface Placed {
  readonly day: Day
  readonly gateway: string
}

/** Files of one gateway and day that count for tallies: a tally, lookups, or both. */
export interface CentralPart extends Placed {
  readonly parquet: string | undefined
  readonly tally: string | undefined
  /** The tally has arrived, but not its lookups. */
  readonly isAwaited: boolean
}

/** The files of a fleet that count; paths are absolute. */
export interface CentralFiles {
  readonly gateways: readonly string[]
  /** Lookups that are there. */
  readonly parquet: readonly (Placed & { readonly path: string })[]
  readonly parts: readonly CentralPart[]
}

/**
 * Lists the files of a fleet. Counts come from the newest generation of which anything has arrived, since the first
 * file of a generation has all that the previous one has; lookups from the newest that has some.
 *
 * @param leftOut relative paths of files that cannot be read: without a tally its lookups are counted; without lookups
 *   its tally is
 * @throws InterdictError FLEET_FOLDER
 */
export function listCentral(
  folder: string,
  leftOut: Pick<ReadonlySet<string>, 'has'> = new Set()
): CentralFiles {
  const parquet: (Placed & { readonly path: string })[] = []
  const parts: CentralPart[] = []
  const gateways = new Set<string>()
  const path = (file: CentralFile | undefined): string | undefined => {
    const relative = file && centralPath(file)
    return relative === undefined || leftOut.has(relative) ? undefined : join(folder, relative)
  }
  try {
    readdirSync(folder)
    for (const all of centralFiles(folder)) {
      const lookups = all.filter(({ kind }) => kind === 'parquet')
      for (const file of newestOf(lookups)) {
        const { day, gateway } = file
        const found = path(file)
        if (found !== undefined) parquet.push({ day, gateway, path: found })
      }
      for (const one of partsOf(newestOf(all))) {
        const { day, gateway } = one[0]!
        gateways.add(gateway)
        const of = (kind: CentralFile['kind']) => one.find(file => file.kind === kind)
        const [tally, own] = [of('tally'), of('parquet')]
        const isAwaited = own === undefined
        parts.push({ day, gateway, tally: path(tally), parquet: path(own), isAwaited })
      }
    }
  } catch (error) {
    throw failure('FLEET_FOLDER', folder, reasonOf(error, folder))
  }
  return { gateways: [...gateways], parquet, parts }
}

/** Files of the same lookups. */
function partsOf(files: readonly CentralFile[]): Iterable<readonly CentralFile[]> {
  const parts = new Map<string, CentralFile[]>()
  for (const file of files) parts.set(file.parquet, [...(parts.get(file.parquet) ?? []), file])
  return parts.values()
}
