/** `npm run catalogue -- --bundle FILE`: the signed bundle of the shipped apps. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { sha256Of } from '../../src/base/bytes/sha256.js'
import type { Seconds } from '../../src/base/units.js'
import { decodeBundle, encodeBundle, writeBundle } from '../../src/sources/bundle/bundle.js'
import { readPrivateKey } from '../../src/sources/bundle/signatures.js'
import {
  appsOf,
  CATALOGUE_MANIFEST,
  readCatalogueContent
} from '../../src/sources/catalogue/catalogue-content.js'

const DAY: Seconds = 86_400

export interface CatalogueBundleOptions {
  /** The folder with `apps` and `evidence.yaml`. */
  readonly rules: string
  readonly output: string
  readonly version: string
  readonly serial: number
  readonly created: Seconds
  readonly days: number
  /** Private key files; none: it is not signed yet, see `interdict bundle sign`. */
  readonly keys: readonly string[]
  /** JSON file with the SHA-256 of app files of earlier releases, by app. */
  readonly earlier: string
}

/** Writes the bundle: the same for the same files and options, octet for octet. */
export async function writeCatalogueBundle(options: CatalogueBundleOptions): Promise<string> {
  const { rules, output, version, serial, created, days } = options
  const earlier = JSON.parse(await readFile(options.earlier, 'utf8')) as Record<string, string[]>
  const content = new Map<string, Uint8Array>()
  const copies: Record<string, string[]> = { ...earlier }
  const files = (await readdir(join(rules, 'apps'))).filter(name => name.endsWith('.yaml')).sort()
  for (const file of files) {
    const octets = await readFile(join(rules, 'apps', file))
    content.set(`apps/${file}`, octets)
    const id = file.replace(/\.yaml$/, '')
    copies[id] = [...new Set([...(earlier[id] ?? []), sha256Of(octets)])].sort()
  }
  const sorted = Object.fromEntries(Object.entries(copies).sort(([a], [b]) => (a < b ? -1 : 1)))
  content.set(CATALOGUE_MANIFEST, Buffer.from(stringify({ version, copies: sorted })))
  content.set('evidence.yaml', await readFile(join(rules, 'evidence.yaml')))
  const keys = await Promise.all(options.keys.map(readPrivateKey))
  const expires = created + days * DAY
  const octets = await encodeBundle(content, { serial, created, expires, keys })
  const bundle = await decodeBundle(octets, output)
  const read = readCatalogueContent(bundle, output)
  const names = [...appsOf(read).values()].reduce((sum, app) => sum + app.names.length, 0)
  writeBundle(output, octets)
  return (
    `${output}: catalogue ${version}, serial ${serial}, ${files.length} apps, ${names} names\n` +
    `SHA-256 ${bundle.manifest.sha256}, expires ${new Date(expires * 1000).toISOString()}`
  )
}
