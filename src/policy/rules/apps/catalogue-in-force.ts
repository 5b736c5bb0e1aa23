import * as z from 'zod'
import { sha256Of } from '../../../base/bytes/sha256.js'
import { failure, type InterdictError } from '../../../base/errors/error.js'
import type { Octets, Seconds } from '../../../base/units.js'
import {
  CATALOGUE_APPS,
  CATALOGUE_COPY,
  CATALOGUE_FILE,
  type FileResult,
  type RuleFiles
} from '../model/folder.js'
import { showPattern, type Pattern } from '../model/pattern.js'
import type { AddedName, CatalogueFacts, NameSource } from '../model/types.js'
import { idSchema } from '../schema/app-schema.js'
import type { App } from './app-file.js'

/** Ten times the shipped one. */
const MAX_CATALOGUE: Octets = 16 * 1024 * 1024

const instant = z.int().min(0)
const texts = z.record(idSchema, z.string())
const schema = z.strictObject({
  format: z.literal(1),
  version: z.string(),
  serial: z.int().min(1),
  sha256: z.string(),
  created: instant,
  expires: instant,
  evidence: z.string(),
  apps: texts,
  copies: z.record(idSchema, z.array(z.string())),
  added: z.record(
    idSchema,
    z.record(
      z.string(),
      z.strictObject({ serial: z.int().min(1), added: instant, enforced: instant })
    )
  )
})

/**
 * The catalogue in force, in one file: the texts of its apps and of `evidence.yaml`, and when each new name was added.
 *
 * `copies` has the SHA-256 of app files that are copies of the catalogue, of this and of earlier versions: in the
 * folder of a site, they have no effect.
 */
export type CatalogueInForce = Readonly<z.output<typeof schema>>

/** The names that updates have added, by app. */
export type AddedNames = CatalogueFacts['added']

/** Name of an app file of the catalogue in messages. */
export const catalogueFileOf = (app: string): string => `${CATALOGUE_APPS}${app}.yaml`

/** Reads the catalogue of a rules folder or bundle, or else the one that this machine has accepted. */
export async function readCatalogueInForce(
  files: RuleFiles
): Promise<
  { readonly catalogue: CatalogueInForce | undefined } | { readonly error: InterdictError }
> {
  for (const name of [CATALOGUE_FILE, CATALOGUE_COPY]) {
    const read = await files.readAtMost(name, MAX_CATALOGUE)
    const fail = (why: string) => ({
      error: failure('CATALOGUE_BROKEN', files.displayName(name), why)
    })
    if ('size' in read) return fail(`larger than ${MAX_CATALOGUE} bytes`)
    if ('octets' in read) {
      const catalogue = parseCatalogue(read.octets)
      return typeof catalogue === 'string' ? fail(catalogue) : { catalogue }
    }
    if (read.isMissing !== true) return fail(read.why)
  }
  return { catalogue: undefined }
}

/** @returns the reason, if it is not a catalogue */
export function parseCatalogue(octets: Uint8Array): CatalogueInForce | string {
  try {
    const read = schema.safeParse(JSON.parse(Buffer.from(octets).toString()))
    if (read.success) return read.data
    const [issue] = read.error.issues
    return `${issue!.path.join('.')}: ${issue!.message}`
  } catch {
    return 'not JSON'
  }
}

export function writeCatalogue(catalogue: CatalogueInForce): Uint8Array {
  return Buffer.from(`${JSON.stringify(catalogue)}\n`)
}

export function factsOfCatalogue(catalogue: CatalogueInForce): CatalogueFacts {
  const { version, serial, sha256, created, expires, added } = catalogue
  return { version, serial, sha256, created, expires, added }
}

/** True for an app file of the site that is an unchanged copy of the catalogue, of any version. */
export function isCopyOfCatalogue(
  catalogue: CatalogueInForce | undefined,
  file: string,
  read: FileResult
): boolean {
  const copies = catalogue?.copies[file.replace(/\.yaml$/, '')]
  return copies !== undefined && 'octets' in read && copies.includes(sha256Of(read.octets))
}

/**
 * An app of the catalogue with the names that the site adds, and with its new names apart, as long as they are only
 * monitored.
 */
export function mergeApp(
  app: App,
  own: App | undefined,
  added: Readonly<Record<string, AddedName>>,
  now: Seconds
): App {
  const { source } = app
  const ownNames = new Set(own?.source.patterns.map(({ value }) => showPattern(value)))
  const dateOf = (pattern: Pattern): AddedName | undefined => {
    const name = showPattern(pattern)
    return ownNames.has(name) || !Object.hasOwn(added, name) ? undefined : added[name]
  }
  const dated = source.patterns.map(({ value, line }) => ({ line, date: dateOf(value) }))
  const dates = new Map(dated.flatMap(({ line, date }) => (date ? [[line, date] as const] : [])))
  const endOf = (pattern: Pattern): Seconds => dateOf(pattern)?.enforced ?? -Infinity
  const ends = [...new Set([...dates.values()].map(({ enforced }) => enforced))]
  const others: NameSource[] = ends
    .filter(end => end > now)
    .flatMap(end => {
      const facts = { monitoredUntil: end, added: dates }
      return source.partOf(name => endOf(name) === end, [], facts) ?? []
    })
  const known = new Set(source.patterns.map(({ value }) => showPattern(value)))
  const isOwn = (name: Pattern): boolean => !known.has(showPattern(name))
  const more = own?.source.partOf(isOwn, own.source.prefixes, {})
  if (more !== undefined) others.push(more)
  return { ...app, source: source.without(name => endOf(name) > now, dates), others }
}
