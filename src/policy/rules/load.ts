import { basename } from 'node:path'
import { epochSeconds, systemClock, type Clock } from '../../base/time/clock.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Path } from '../yaml/issues.js'
import { compareByPosition, readYaml } from '../yaml/read.js'
import { readApp, sourcesOf, type App } from './apps/app-file.js'
import {
  catalogueFileOf,
  factsOfCatalogue,
  isCopyOfCatalogue,
  mergeApp,
  readCatalogueInForce,
  type CatalogueInForce
} from './apps/catalogue-in-force.js'
import { AsnRegistry } from './asn/asn-prefixes.js'
import { resolveAsns } from './asn/resolve-asns.js'
import { readAuthority } from './clients/authorities.js'
import type { ListProvider, ProvidedList } from './lists/list-provider.js'
import {
  listOrigin,
  listPositions,
  listState,
  loadList,
  type ListRequest,
  type ListState
} from './lists/load-list.js'
import type { ListReport } from './lists/list-types.js'
import { remoteList, type RemoteList } from './lists/remote-list.js'
import { transferList, type TransferList } from './lists/transfer-list.js'
import {
  NETWORKS_FILE as NETWORKS,
  RulesFolder,
  type FileResult,
  type RuleFiles
} from './model/folder.js'
import type { ClientAuthority } from './model/client-types.js'
import { Location } from './model/location.js'
import { warnAboutWritableFiles } from './model/writable-files.js'
import { YamlSource } from './model/yaml-source.js'
import type { NameSource, RuleSet } from './model/types.js'
import { hasRecords, MAX_RECORD_FILE, type RecordFile } from './records/record-rules.js'
import { buildNetworks } from './networks/networks.js'
import { usedLists } from './networks/used-lists.js'
import { networksSchema, type NetworksFile } from './schema/networks-schema.js'

export type RulesResult =
  | {
      readonly ok: true
      readonly rules: RuleSet
      /** Problems that do not prevent loading: expired rules, skipped lines of lists. */
      readonly warnings: readonly InterdictError[]
      /** A summary of each list file. */
      readonly lists: readonly ListReport[]
      /** Lists that are downloaded. */
      readonly remotes: readonly RemoteList[]
      /** Lists that are transferred as zones. */
      readonly transfers: readonly TransferList[]
      /** Lists whose names need not be read again until they change. */
      readonly listStates: readonly ListState[]
      /** Why lists were rejected of which an earlier version is used. */
      readonly listErrors: readonly InterdictError[]
    }
  | {
      readonly ok: false
      /** All errors, by file and line. */
      readonly errors: readonly InterdictError[]
      /** Every file and folder that was read or looked for: to be watched for changes. */
      readonly files: readonly string[]
      /** Whether a retry may succeed with the files unchanged. */
      readonly isTransient: boolean
    }

const APPS = 'apps'
/** Files that are open at the same time. */
const MAX_OPEN = 64

/**
 * Loads a rules folder: `networks.yaml`, `apps/*.yaml` and the lists of networks. Never throws.
 * Nothing is assumed for missing or invalid files: the rules load completely or not at all.
 *
 * @param folder its path, or its files
 * @param clock for warnings about expired rules; rules start and expire by themselves
 * @param copies folder of the last good copies of downloaded lists; undefined: none. Nothing is
 *   downloaded here.
 * @param provider of lists that are not read here; by default all are
 */
export async function loadRules(
  folder: string | RuleFiles,
  clock: Clock = systemClock,
  copies?: string,
  provider?: ListProvider
): Promise<RulesResult> {
  const files = typeof folder === 'string' ? new RulesFolder(folder, { copies }) : folder
  return new RulesLoader(files, clock, provider).load()
}

class RulesLoader {
  private readonly errors: InterdictError[] = []
  private readonly asns = new AsnRegistry()
  private readonly warnings: InterdictError[] = []
  private readonly apps = new Map<string, App>()
  /** Warnings about forced names of each app: they matter only where a rule uses the app. */
  private readonly forcedNames = new Map<NameSource, readonly InterdictError[]>()
  private readonly reports: ListReport[] = []
  private readonly remotes: RemoteList[] = []
  private readonly transfers: TransferList[] = []
  private readonly listStates: ListState[] = []
  private readonly listErrors: InterdictError[] = []
  /** The sources of each list, by list id. */
  private readonly lists = new Map<string, readonly NameSource[]>()

  constructor(
    private readonly folder: RuleFiles,
    private readonly clock: Clock,
    private readonly provider: ListProvider | undefined
  ) {}

  async load(): Promise<RulesResult> {
    const inForce = await readCatalogueInForce(this.folder)
    if ('error' in inForce) this.errors.push(inForce.error)
    const catalogue = 'error' in inForce ? undefined : inForce.catalogue
    await this.readApps(catalogue)
    if (catalogue !== undefined) this.addCatalogue(catalogue)
    const made = await this.readNetworks()
    const systems = await resolveAsns(this.asns, this.folder, this.clock.wall())
    this.errors.push(...systems.errors)
    this.warnings.push(...systems.warnings)
    const { errors, warnings, folder } = this
    if (made === undefined || errors.length > 0) {
      return {
        ok: false,
        errors: errors.sort(compareByPosition),
        files: folder.files,
        isTransient: folder.hadTransientError
      }
    }
    this.warnOfForcedNames(made.networks)
    warnings.push(...(await warnAboutWritableFiles(folder.files)))
    const apps = [...this.apps.values()].flatMap(sourcesOf)
    const sources = [...apps, ...[...this.lists.values()].flat(), ...made.inline]
    const { sha256, filesSha256, ownSha256, zones, files, bundle } = folder
    const { networks, scopes, clients, timeZone, site, mustResolve } = made
    const { dnssecExceptions, trustAnchors } = made
    const sums = { sha256, filesSha256, ownSha256, zones, bundle }
    const rules = {
      networks,
      sources,
      scopes,
      clients,
      timeZone,
      site,
      mustResolve,
      dnssecExceptions,
      trustAnchors,
      catalogue: catalogue && factsOfCatalogue(catalogue),
      asns: systems.facts,
      ...sums,
      files
    }
    const { reports: lists, remotes, transfers, listStates, listErrors } = this
    return {
      ok: true,
      rules,
      warnings: warnings.sort(compareByPosition),
      lists,
      remotes,
      transfers,
      listStates,
      listErrors
    }
  }

  private async readApps(catalogue: CatalogueInForce | undefined): Promise<void> {
    const names = await this.folder.listFolder(APPS)
    if ('why' in names) {
      this.unreadable(APPS, names.why)
      return
    }
    const files = names.filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    for (let from = 0; from < files.length; from += MAX_OPEN) {
      const some = files.slice(from, from + MAX_OPEN)
      const read = await Promise.all(some.map(file => this.folder.read(`${APPS}/${file}`)))
      for (const [i, file] of some.entries()) {
        const name = `${APPS}/${file}`
        if (!isCopyOfCatalogue(catalogue, file, read[i]!)) this.readApp(name, read[i]!)
      }
    }
  }

  /** The apps of the catalogue; names that files of the site have beside them are added. */
  private addCatalogue(catalogue: CatalogueInForce): void {
    const now = epochSeconds(this.clock)
    for (const [id, text] of Object.entries(catalogue.apps)) {
      const own = this.apps.get(id)
      const name = catalogueFileOf(id)
      this.readApp(name, { octets: Buffer.from(text) }, name)
      const app = this.apps.get(id)!
      const added = catalogue.added[id] ?? {}
      if (app.isBroken !== true) this.apps.set(id, mergeApp(app, own, added, now))
    }
  }

  private readApp(name: string, file: FileResult, shown = this.folder.displayName(name)): void {
    const id = basename(name, '.yaml')
    // A known app without names: rules that use an app with an invalid file are valid themselves.
    const source = new YamlSource('app', id, id, name, [], [])
    this.apps.set(id, { source, kind: 'app', pairsWith: [], isBroken: true })
    if (name.endsWith('.yml')) this.unreadable(name, 'app file names must end in .yaml')
    else if ('why' in file) this.unreadable(name, file.why)
    else {
      const read = readApp(file.octets, name, shown, this.asns)
      if ('errors' in read) this.errors.push(...read.errors)
      else {
        this.apps.set(id, read.app)
        const isForced = ({ code }: InterdictError): boolean => code === 'RULES_FORCED'
        const forced = read.warnings.filter(isForced)
        if (forced.length > 0) this.forcedNames.set(read.app.source, forced)
        this.warnings.push(...read.warnings.filter(one => !isForced(one)))
      }
    }
  }

  private warnOfForcedNames(networks: RuleSet['networks']): void {
    if (this.forcedNames.size === 0) return
    const rules = networks.flatMap(network => network.rules)
    const used = new Set(rules.flatMap(({ sources }) => sources))
    for (const source of used) this.warnings.push(...(this.forcedNames.get(source) ?? []))
  }

  private async readNetworks() {
    const file = await this.folder.read(NETWORKS)
    if ('why' in file) {
      const advice = file.isMissing === true ? await this.adviceWithoutFile() : ''
      this.unreadable(NETWORKS, file.why + advice)
      return undefined
    }
    const read = readYaml(file.octets, this.folder.displayName(NETWORKS), networksSchema)
    if (!read.ok) this.errors.push(...read.errors)
    const usable = read.ok ? read : read.salvage?.()
    if (usable === undefined) return undefined
    const { value, broken = [] } = usable
    const top = new Location(usable, NETWORKS, this.errors, this.warnings)
    await this.readLists(value, top, idsIn(broken, 'lists'))
    const authorities = await this.readAuthorities(value, top, idsIn(broken, 'client-authorities'))
    const now = epochSeconds(this.clock)
    const records = await this.readRecordFiles(value)
    return buildNetworks(value, this.apps, this.lists, top, now, authorities, records, this.asns)
  }

  /** The files with records, by name. */
  private async readRecordFiles({
    defaults,
    networks
  }: NetworksFile): Promise<ReadonlyMap<string, RecordFile>> {
    const holders = [defaults, ...Object.values(networks)].filter(hasRecords)
    const names = new Set(holders.flatMap(it => it['record-files'].map(({ file }) => file)))
    const files = new Map<string, RecordFile>()
    for (const name of names) {
      const content = await this.folder.readAtMost(name, MAX_RECORD_FILE)
      files.set(name, { content, displayName: this.folder.displayName(name) })
    }
    return files
  }

  private async readAuthorities(
    { 'client-authorities': authorities }: NetworksFile,
    top: Location,
    broken: ReadonlySet<string>
  ): Promise<ClientAuthority[]> {
    const now = this.clock.wall()
    const whole = Object.entries(authorities).filter(([id]) => !broken.has(id))
    return Promise.all(
      whole.map(([id, entry]) =>
        readAuthority(id, entry, this.folder, top.at('client-authorities', id), now)
      )
    )
  }

  /** What to do: the file may be there under another name, such as `networks.yml`. */
  private async adviceWithoutFile(): Promise<string> {
    const names = await this.folder.listFolder('')
    const other = 'why' in names ? undefined : names.find(name => /^networks?\.ya?ml$/i.test(name))
    if (other !== undefined) return `; rename ${other} to ${NETWORKS}`
    return '; `interdict init FOLDER` writes settings and rules to start with'
  }

  private async readLists(
    file: NetworksFile,
    top: Location,
    broken: ReadonlySet<string>
  ): Promise<void> {
    const { lists, networks } = file
    for (const id of [...Object.keys(lists), ...broken]) this.lists.set(id, [emptyList(id)])
    if (this.lists.size === 0) return
    const clients = new Map(Object.entries(networks).map(([id, { prefixes }]) => [id, prefixes]))
    const used = usedLists(file)
    for (const id of Object.keys(lists)) {
      const at = top.at('lists', id)
      if (!used.has(id)) at.warn('RULES_LIST_UNUSED', at.pathText, id)
    }
    const whole = Object.entries(lists).filter(([id]) => !broken.has(id))
    const requests = whole.map(([id, entry]): ListRequest => {
      const positions = listPositions(top.at('lists', id))
      return { id, entry, clients, positions, isUsed: used.has(id) }
    })
    // All are requested at once, and added in order.
    const provided = requests.map(request => this.provider?.provide(this.folder, request))
    for (const [i, request] of requests.entries()) {
      const list = (await provided[i]) ?? (await this.readList(request))
      this.addList(request, list, top.at('lists', request.id))
    }
  }

  private async readList(request: ListRequest): Promise<ProvidedList> {
    const { folder } = this
    const origin = await listOrigin(folder, request)
    const { content, ...problems } = await loadList(folder, request)
    const state = content && origin && listState(request.id, origin, content)
    return { sources: content?.sources, reports: content?.reports ?? [], state, ...problems }
  }

  private addList({ id, entry }: ListRequest, list: ProvidedList, at: Location): void {
    const { sources, state, errors, warnings, reports } = list
    const isMissing = sources === undefined
    const remote = remoteList(id, entry, !isMissing)
    if (remote !== undefined) this.remotes.push(remote)
    const transfer = transferList(id, entry, !isMissing, at)
    if (transfer !== undefined) this.transfers.push(transfer)
    if (isMissing) this.errors.push(...errors)
    else this.listErrors.push(...errors)
    if (state !== undefined) this.listStates.push(state)
    if (sources !== undefined) this.lists.set(id, sources)
    this.warnings.push(...warnings)
    this.reports.push(...reports)
  }

  private unreadable(name: string, why: string): void {
    const file = this.folder.displayName(name)
    this.errors.push(failureAt({ file, line: 1, column: 1 }, 'RULES_UNREADABLE', name, why))
  }
}

/** The entries of a section with errors. */
function idsIn(broken: readonly Path[], section: string): ReadonlySet<string> {
  return new Set(broken.flatMap(([first, id]) => (first === section ? (id ?? []) : [])).map(String))
}

/** A list with an error, so that rules that use it have none. */
function emptyList(id: string): NameSource {
  return new YamlSource('inline', id, id, NETWORKS, [], [])
}
