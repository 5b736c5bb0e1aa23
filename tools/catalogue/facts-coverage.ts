/** `npm run catalogue -- --coverage FOLDER`: how many gathered facts the catalogue has, app by app. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as z from 'zod'
import { readList, type ListResult } from '../../src/policy/rules/lists/read-list.js'
import { readYaml } from '../../src/policy/yaml/read.js'
import { coverage, ownCoverage, type Comparison, type ListComparison } from './comparison.js'

/** Names that a rule must not match, as they hurt others, have the tier `avoid`. */
const factsSchema = z.object({
  app: z.string(),
  domains: z.array(z.object({ name: z.string(), tier: z.enum(['core', 'shared', 'avoid']) }))
})

export interface FactsCoverage {
  readonly app: string
  readonly comparison: Comparison
  /** Names of the tier `avoid` that the app claims nevertheless. */
  readonly avoided: readonly string[]
}

/**
 * Compares the files `apps/*.yaml` of a folder with the catalogue: names of the tier `core`, which are the app's own,
 * or where it has none, `shared`. Files of apps that the catalogue does not have are left out.
 *
 * @throws Error with the position of each mistake
 */
export async function measureFacts(
  folder: string,
  comparison: ListComparison
): Promise<readonly FactsCoverage[]> {
  const found: FactsCoverage[] = []
  for (const file of (await readdir(join(folder, 'apps'))).sort()) {
    const app = basename(file, '.yaml')
    if (!file.endsWith('.yaml') || !comparison.has(app)) continue
    const path = join(folder, 'apps', file)
    const read = readYaml(await readFile(path), path, factsSchema)
    if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'))
    const named = (tier: string): string[] =>
      read.value.domains.filter(it => it.tier === tier).map(({ name }) => name)
    const compare = async (names: readonly string[]): Promise<Comparison> =>
      comparison.compare(partsOf(await listOf(names, path)), app)
    const avoided: string[] = []
    for (const name of named('avoid')) if ((await compare([name])).own > 0) avoided.push(name)
    // Of a vendor's shared zones, all names are shared.
    const names = [named('core'), named('shared')].find(({ length }) => length > 0)
    if (names !== undefined) found.push({ app, comparison: await compare(names), avoided })
  }
  return found
}

function listOf(names: readonly string[], displayName: string): Promise<ListResult> | ListResult {
  const octets = Buffer.from(names.join('\n'))
  return readList({ id: 'facts', format: 'domains' }, [{ octets, file: displayName, displayName }])
}

function partsOf(list: ListResult) {
  if ('errors' in list) throw new Error(list.errors[0]!.message)
  return list.parts
}

/** The popular names that each app claims, to be reviewed for unrelated ones. */
export function popularClaims(
  list: ListResult,
  comparison: ListComparison
): { readonly names: number; readonly byApp: ReadonlyMap<string, readonly string[]> } {
  return comparison.claims(partsOf(list))
}

/** One line for each app. */
export function factsTable(measured: readonly FactsCoverage[]): string {
  const percent = (value: number): string => `${(value * 100).toFixed(1)}%`
  const rows = measured.map(({ app, comparison, avoided }) => {
    const { names, own, paired, others, shared, missing } = comparison
    return [
      app,
      ...[names, own, paired, others, shared, missing].map(String),
      percent(coverage(comparison)),
      percent(ownCoverage(comparison)),
      String(avoided.length)
    ]
  })
  const head = 'app,names,app,pairs,others,shared,missing,of all,of own,avoid'.split(',')
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]!.length)))
  return [head, ...rows]
    .map(row =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
    )
    .join('\n')
}
