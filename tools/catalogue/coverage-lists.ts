import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { ListResult } from '../../src/policy/rules/lists/read-list.js'
import { readYaml } from '../../src/policy/yaml/read.js'
import { readHostNames, readListFrom } from './lists.js'

/** The lists that coverage is measured against. */
export const COVERAGE_FILE = 'tools/catalogue/coverage.yaml'

const listSchema = z.strictObject({
  app: z.string(),
  /** Where it comes from, for the page. */
  about: z.string(),
  /** Whether the catalogue has names from this list: then the figure is no independent one. */
  'is-evidence': z.boolean().default(false),
  /** `list`: a block list; `text`: all host names in a text. */
  format: z.enum(['list', 'text']).default('list'),
  /** With `text`: a regular expression that finds the names. */
  match: z.string().optional(),
  urls: z.array(z.url()).min(1)
})

const fileSchema = z.strictObject({ lists: z.record(z.string(), listSchema) })

export type CoverageList = z.output<typeof listSchema> & { readonly id: string }

/** @throws Error with the position of each mistake */
export async function readCoverageLists(file: string): Promise<CoverageList[]> {
  const read = readYaml(await readFile(file), file, fileSchema)
  if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'))
  return Object.entries(read.value.lists).map(([id, list]) => ({ id, ...list }))
}

/**
 * Reads the names of a list.
 *
 * @param folder with copies of the files by the path of their URL; undefined: they are downloaded
 * @throws Error with the reason, if one cannot be read
 */
export async function readCoverageList(list: CoverageList, folder?: string): Promise<ListResult> {
  const places = list.urls.map(url => {
    return folder === undefined ? url : join(folder, decodeURIComponent(new URL(url).pathname))
  })
  if (list.format === 'list') return readListFrom(places[0]!)
  const match = list.match === undefined ? undefined : new RegExp(list.match, 'gm')
  return readHostNames(places, match)
}
