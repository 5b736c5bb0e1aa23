import { failure } from '../../base/errors/error.js'
import * as z from 'zod'
import { readYaml } from '../../policy/yaml/read.js'
import { readAppFile } from '../../policy/rules/apps/app-file.js'
import { readEvidence } from '../../policy/rules/apps/evidence.js'
import type { CatalogueInForce } from '../../policy/rules/apps/catalogue-in-force.js'
import { showPattern } from '../../policy/rules/model/pattern.js'
import { idSchema, type AppEntry } from '../../policy/rules/schema/app-schema.js'
import type { Bundle } from '../bundle/bundle.js'

/** The file of a catalogue bundle that no bundle of rules has. */
export const CATALOGUE_MANIFEST = 'catalogue.yaml'
const EVIDENCE = 'evidence.yaml'
const APP_FILE = /^apps\/([a-z0-9][a-z0-9-]*)\.yaml$/

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256')

/** `catalogue.yaml`: the version, and the SHA-256 of earlier versions of app files. */
export const catalogueManifestSchema = z.strictObject({
  version: z
    .string()
    .regex(/^[0-9A-Za-z][0-9A-Za-z.-]{0,31}$/, 'a version of at most 32 letters, digits, . and -'),
  copies: z.record(idSchema, z.array(sha256))
})

/** The content of a catalogue bundle, verified. */
export type CatalogueContent = Omit<CatalogueInForce, 'format' | 'added'>

/**
 * Reads the content of a catalogue bundle.
 *
 * @param shown its name in messages
 * @throws InterdictError CATALOGUE_BROKEN
 */
export function readCatalogueContent(bundle: Bundle, shown: string): CatalogueContent {
  const { content, manifest } = bundle
  const broken = (why: string): Error => failure('CATALOGUE_BROKEN', shown, why)
  const head = content.get(CATALOGUE_MANIFEST)
  const evidence = content.get(EVIDENCE)
  if (head === undefined || evidence === undefined)
    throw broken(`it lacks ${head === undefined ? CATALOGUE_MANIFEST : EVIDENCE}`)
  const read = readYaml(head, CATALOGUE_MANIFEST, catalogueManifestSchema)
  if (!read.ok) throw broken(read.errors[0]!.message)
  const apps: Record<string, string> = {}
  for (const [name, octets] of content) {
    if (name === CATALOGUE_MANIFEST || name === EVIDENCE) continue
    const [, id] = APP_FILE.exec(name) ?? []
    if (id === undefined) throw broken(`unexpected file ${name}`)
    apps[id] = Buffer.from(octets).toString()
  }
  const sources = readEvidence(evidence, EVIDENCE)
  if (!sources.ok) throw broken(sources.errors[0]!.message)
  const { serial, sha256: digest, created, expires } = manifest
  const { version, copies } = read.value
  const text = Buffer.from(evidence).toString()
  return { version, serial, sha256: digest, created, expires, evidence: text, apps, copies }
}

/** The apps of a catalogue with all facts. @throws InterdictError CATALOGUE_BROKEN */
export function appsOf({
  apps,
  version
}: Pick<CatalogueContent, 'apps' | 'version'>): ReadonlyMap<string, AppEntry> {
  return new Map(
    Object.entries(apps).map(([id, text]) => {
      const read = readAppFile(Buffer.from(text), `apps/${id}.yaml`)
      if (!read.ok)
        throw failure('CATALOGUE_BROKEN', `catalogue ${version}`, read.errors[0]!.message)
      return [id, read.value]
    })
  )
}

/** The names of an app, as they are written. */
export const namesOfEntry = ({ names }: Pick<AppEntry, 'names'>): readonly string[] =>
  names.map(({ name }) => showPattern(name))
