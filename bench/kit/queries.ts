import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { allowedName, blockedName, drawByRank, freshName, popularNames } from './names.js'
import { seeded } from './random.js'

/** Query files, one for each kind of traffic. */
export interface QueryFiles {
  readonly mixed: string
  readonly blocked: string
  readonly cached: string
  readonly fresh: string
  readonly popular: string
  /** How many queries of `mixed` ask for a blocked name. */
  readonly blockedInMixed: number
}

/** Lines of a query file. Names held in a cache are four fifths of it, in all mixes. */
export const QUERIES = 50_000
const SEED = 2023

/** In a mix, one query of five asks for a blocked name. */
const BLOCKED_STEP = 5

/** One popular name of so many is on the block lists, for the scenario `random`. */
const POPULAR_BLOCKED = 50
const POPULAR_COUNT = 100_000
const POPULAR_DRAWS = 200_000

/**
 * Popular names, most popular first: of a file with one name a line (plain or .gz; further columns
 * are passed over), or made up.
 */
export function readPopular(corpus: string | undefined): string[] {
  if (corpus === undefined) return popularNames(POPULAR_COUNT)
  const octets = readFileSync(corpus)
  const text = (corpus.endsWith('.gz') ? gunzipSync(octets) : octets).toString('latin1')
  const names = text.split('\n').map(line => line.split(/[\s,]+/).find(isName))
  return names.filter(name => name !== undefined)
}

const isName = (word: string): boolean =>
  word.length <= 253 && /^([a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{0,62}$/i.test(word)

export const popularBlocked = (popular: readonly string[]): string[] =>
  popular.filter((_, rank) => rank % POPULAR_BLOCKED === POPULAR_BLOCKED - 1)

/** @param listed how many generated names the shortest block list has */
export async function writeQueries(
  folder: string,
  popular: readonly string[],
  listed: number
): Promise<QueryFiles> {
  const random = seeded(SEED)
  // Half of the blocked questions are for a name below the one that is listed.
  const blocked = (i: number) =>
    (i % 2 === 0 ? '' : 'www.') + blockedName(Math.floor(random() * listed))
  const cached = (i: number) => allowedName(i)
  const mixed = (i: number) => (i % BLOCKED_STEP === 0 ? blocked(i / BLOCKED_STEP) : cached(i))
  const write = async (name: string, names: readonly string[]) => {
    const path = join(folder, name)
    await writeFile(path, names.map(name => `${name} A\n`).join(''))
    return path
  }
  const many = (make: (index: number) => string) =>
    Array.from({ length: QUERIES }, (_, i) => make(i))
  return {
    mixed: await write('mixed', many(mixed)),
    blocked: await write('blocked', many(blocked)),
    cached: await write('cached', many(cached)),
    fresh: await write('fresh', many(freshName)),
    blockedInMixed: QUERIES / BLOCKED_STEP,
    popular: await write('popular', drawByRank(popular, POPULAR_DRAWS, SEED))
  }
}
