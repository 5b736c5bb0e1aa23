import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { failure } from '../../../base/errors/error.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import type { Octets, Seconds } from '../../../base/units.js'
import type { CatalogueConfig, Config } from '../../../gateway/config/config.js'
import { rulesLocation } from '../../../gateway/compiler/rules-location.js'
import {
  bootstrapServers,
  configuredUpstreams
} from '../../../gateway/upstreams/configured-upstreams.js'
import {
  writeCatalogue,
  type CatalogueInForce
} from '../../../policy/rules/apps/catalogue-in-force.js'
import { loadRules } from '../../../policy/rules/load.js'
import {
  CATALOGUE_COPY,
  CATALOGUE_FILE,
  catalogueIn,
  RulesFolder
} from '../../../policy/rules/model/folder.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { readTrustedKeys } from '../../../sources/bundle/read-trust.js'
import type { TrustedKeys } from '../../../sources/bundle/signatures.js'
import { CatalogueStore } from '../../../sources/catalogue/catalogue-store.js'
import { BootstrapResolver } from '../../../sources/http/bootstrap-resolver.js'
import { downloadOptions } from '../../../sources/http/update-list.js'
import { download } from '../../../sources/http/download.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { rejectInput } from '../../exit.js'
import type { Io } from '../../io.js'
import type { PlannedRules } from '../../output/rules/plan-text.js'
import { comparePlanned } from '../rules/plan.js'

/** Compressed; the shipped one has 100 kB. */
const MAX_BUNDLE: Octets = 16 * 1024 * 1024
/** Days whose lookups are judged. */
const DAYS = 7
const EXAMPLES = 5

/** What commands on the catalogue work with. */
export class CatalogueContext {
  readonly now: Seconds = epochSeconds(systemClock)
  readonly store: CatalogueStore
  private readonly folder: string
  private readonly copies: string

  private constructor(
    readonly config: Config,
    readonly catalogue: CatalogueConfig,
    private readonly options: CommonOptions
  ) {
    const { folder, copiesFolder } = rulesLocation(config)
    this.folder = folder!
    this.copies = copiesFolder
    this.store = new CatalogueStore(catalogueIn(copiesFolder))
  }

  /** @throws InterdictError CATALOGUE_BUNDLED, CATALOGUE_OFF, CATALOGUE_OWN */
  static async open(options: CommonOptions): Promise<CatalogueContext> {
    const config = await loadSettings(options)
    if (config.bundle !== undefined) throw failure('CATALOGUE_BUNDLED')
    if (config.catalogue === undefined) throw failure('CATALOGUE_OFF')
    const context = new CatalogueContext(config, config.catalogue, options)
    const own = join(context.folder, CATALOGUE_FILE)
    if (existsSync(own)) throw failure('CATALOGUE_OWN', own)
    return context
  }

  /** The only version that may be used. */
  get pinned(): string | undefined {
    return this.catalogue.version ?? this.store.readState().pinned ?? undefined
  }

  /** Keys that may sign catalogues. @throws InterdictError BUNDLE_TRUST */
  trust(): Promise<TrustedKeys> {
    return readTrustedKeys(this.catalogue.trust)
  }

  /** Where the catalogue is from, in messages. */
  placeOf(file: string | undefined): string {
    return file ?? this.catalogue.url
  }

  /** @param file instead of the one in the settings @throws InterdictError as `download` */
  async fetch(file: string | undefined): Promise<Uint8Array> {
    const { config } = this
    const url = file === undefined ? this.catalogue.url : pathToFileURL(resolve(file)).href
    const bootstrap = BootstrapResolver.open(
      bootstrapServers(config, configuredUpstreams(config).upstreams)
    )
    try {
      const { lookup } = bootstrap
      const options = await downloadOptions({ ...config.remoteLists, lookup })
      const got = await download(url, { ...options, maxSize: MAX_BUNDLE })
      if (got.kind === 'file') return got.octets
      throw failure('REMOTE_FETCH', url, 'the server sent no file')
    } finally {
      bootstrap.close()
    }
  }

  /** The rules in the folder, with the catalogue in force. */
  async rules(): Promise<RuleSet> {
    const { copies, folder } = this
    const loaded = await loadRules(new RulesFolder(folder, this.where()), systemClock, copies)
    return loaded.ok ? loaded.rules : rejectInput(loaded.errors)
  }

  /** Checks and compares the rules with another catalogue; its errors are those of `check`. */
  async plan(
    before: RuleSet,
    catalogue: CatalogueInForce,
    io: Io,
    days = DAYS
  ): Promise<PlannedRules> {
    const { config, options, now, folder } = this
    const edited = new Map([[CATALOGUE_COPY, writeCatalogue(catalogue)]])
    const files = new RulesFolder(folder, { ...this.where(), edited })
    const names = 'the catalogue in force'
    const context = { names, config, options, examples: EXAMPLES, now, days }
    return { rules: folder, ...(await comparePlanned(files, before, context, io)) }
  }

  private where() {
    const { copies, config } = this
    return { copies, outside: config.outsideFolders, asnDatabase: config.asnDatabase }
  }
}
