import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import { compareByPosition } from '../../yaml/read.js'
import { RulesFolder, type FileResult, type RuleFiles } from '../model/folder.js'
import type { AppEntry } from '../schema/app-schema.js'
import { readAppFile } from './app-file.js'
import {
  catalogueFileOf,
  isCopyOfCatalogue,
  readCatalogueInForce,
  type CatalogueInForce
} from './catalogue-in-force.js'
import { readEvidence, type Evidence } from './evidence.js'

/** An app with all facts in its file. */
export interface CatalogueApp {
  readonly entry: AppEntry
  /** Its file, as shown in messages. */
  readonly file: string
  /** The line of name number `i`. */
  readonly lineOf: (i: number) => number
}

export type Catalogue =
  | {
      readonly ok: true
      readonly apps: readonly CatalogueApp[]
      /** The sources that evidence tags refer to. */
      readonly sources: Evidence['sources']
    }
  | { readonly ok: false; readonly errors: readonly InterdictError[] }

const APPS = 'apps'
const EVIDENCE = 'evidence.yaml'

/**
 * Reads the apps of a rules folder with all their facts, and `evidence.yaml` if it exists. For
 * display only: the gateway uses `loadRules`.
 *
 * @param place path of the folder, or its files
 */
export async function readCatalogue(place: string | RuleFiles): Promise<Catalogue> {
  const files = typeof place === 'string' ? new RulesFolder(place) : place
  return new CatalogueReader(files).run()
}

class CatalogueReader {
  private readonly errors: InterdictError[] = []
  private readonly apps: CatalogueApp[] = []
  private sources: Evidence['sources'] = {}
  private inForce: CatalogueInForce | undefined

  constructor(private readonly folder: RuleFiles) {}

  async run(): Promise<Catalogue> {
    const inForce = await readCatalogueInForce(this.folder)
    if ('error' in inForce) this.errors.push(inForce.error)
    else if (inForce.catalogue !== undefined) this.addCatalogue(inForce.catalogue)
    const names = await this.folder.listFolder(APPS)
    if ('why' in names) this.unreadable(APPS, names.why)
    else {
      const files = names.filter(name => name.endsWith('.yaml') && !name.startsWith('.'))
      for (const file of files) await this.readApp(file)
    }
    await this.readEvidence()
    const { errors, apps, sources } = this
    if (errors.length > 0) return { ok: false, errors: errors.sort(compareByPosition) }
    return { ok: true, apps, sources }
  }

  private addCatalogue(catalogue: CatalogueInForce): void {
    this.inForce = catalogue
    for (const [id, text] of Object.entries(catalogue.apps))
      this.addApp(Buffer.from(text), catalogueFileOf(id))
    const evidence = readEvidence(Buffer.from(catalogue.evidence), 'catalogue/evidence.yaml')
    if (evidence.ok) this.sources = evidence.value.sources
    else this.errors.push(...evidence.errors)
  }

  private async readApp(base: string): Promise<void> {
    const name = `${APPS}/${base}`
    const read = await this.folder.read(name)
    if (isCopyOfCatalogue(this.inForce, base, read)) return
    const octets = this.octetsOf(name, read)
    if (octets !== undefined) this.addApp(octets, this.folder.displayName(name))
  }

  private addApp(octets: Uint8Array, file: string): void {
    const read = readAppFile(octets, file)
    if (!read.ok) this.errors.push(...read.errors)
    else {
      const lineOf = (i: number): number => read.positionOf(['names', i]).line
      this.add({ entry: read.value, file, lineOf })
    }
  }

  /** Adds an app, or the names that the site has of an app of the catalogue. */
  private add(app: CatalogueApp): void {
    const at = this.apps.findIndex(({ entry }) => entry.app === app.entry.app)
    const known = this.apps[at]
    if (known === undefined) {
      this.apps.push(app)
      return
    }
    const { entry, lineOf } = known
    const count = entry.names.length
    const names = [...entry.names, ...app.entry.names]
    this.apps[at] = {
      ...known,
      entry: { ...entry, names },
      lineOf: i => (i < count ? lineOf(i) : app.lineOf(i - count))
    }
  }

  private async readEvidence(): Promise<void> {
    const files = await this.folder.listFolder('.')
    if ('why' in files || !files.includes(EVIDENCE)) return
    const octets = this.octetsOf(EVIDENCE, await this.folder.read(EVIDENCE))
    if (octets === undefined) return
    const read = readEvidence(octets, this.folder.displayName(EVIDENCE))
    if (read.ok) this.sources = { ...read.value.sources, ...this.sources }
    else this.errors.push(...read.errors)
  }

  private octetsOf(name: string, file: FileResult): Uint8Array | undefined {
    if ('octets' in file) return file.octets
    this.unreadable(name, file.why)
    return undefined
  }

  private unreadable(name: string, why: string): void {
    const file = this.folder.displayName(name)
    this.errors.push(failureAt({ file, line: 1, column: 1 }, 'RULES_UNREADABLE', name, why))
  }
}
