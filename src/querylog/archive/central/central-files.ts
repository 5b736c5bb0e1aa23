import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../../base/error.js'
import type { Day } from '../retention.js'
import { centralFiles, centralPath, newestOf, type CentralFile } from './central-layout.js'

/** Files of one gateway and day that count for tallies: a tally, lookups, or both. */
export interface CentralPart {
  readonly day: Day
  readonly parquet: string | undefined
  readonly tally: string | undefined
}

/** The files of a fleet that count; paths are absolute. */
export interface CentralFiles {
  readonly gateways: number
  /** Lookups that are there. */
  readonly parquet: readonly string[]
  readonly parts: readonly CentralPart[]
  /** Gateways of which tallies have arrived without their lookups. */
  readonly waiting: readonly string[]
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
  leftOut: ReadonlySet<string> = new Set()
): CentralFiles {
  const parquet: string[] = []
  const parts: CentralPart[] = []
  const gateways = new Set<string>()
  const waiting = new Set<string>()
  const path = (file: CentralFile | undefined): string | undefined => {
    const relative = file && centralPath(file)
    return relative === undefined || leftOut.has(relative) ? undefined : join(folder, relative)
  }
  try {
    readdirSync(folder)
    for (const all of centralFiles(folder)) {
      const lookups = all.filter(({ kind }) => kind === 'parquet')
      parquet.push(...newestOf(lookups).flatMap(file => path(file) ?? []))
      for (const one of partsOf(newestOf(all))) {
        const [first] = one
        gateways.add(first!.gateway)
        const of = (kind: CentralFile['kind']) => one.find(file => file.kind === kind)
        const [tally, own] = [of('tally'), of('parquet')]
        if (own === undefined) waiting.add(first!.gateway)
        parts.push({ day: first!.day, tally: path(tally), parquet: path(own) })
      }
    }
  } catch (error) {
    throw failure('FLEET_FOLDER', folder, (error as Error).message)
  }
  return { gateways: gateways.size, parquet, parts, waiting: [...waiting] }
}

/** Files of the same lookups. */
function partsOf(files: readonly CentralFile[]): Iterable<readonly CentralFile[]> {
  const parts = new Map<string, CentralFile[]>()
  for (const file of files) parts.set(file.parquet, [...(parts.get(file.parquet) ?? []), file])
  return parts.values()
}
