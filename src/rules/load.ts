import { basename } from 'node:path'
import { epochSeconds, systemClock, type Clock } from '../base/clock.js'
import { failureAt, type InterdictError } from '../base/error.js'
import { compareByPosition, readYaml } from '../yaml/read.js'
import { readApp, type App } from './apps/app-file.js'
import { readList } from './lists/read-list.js'
import { readListFiles } from './lists/read-list-files.js'
import type { ListReport } from './lists/list-types.js'
import { remoteList, type RemoteList } from './lists/remote-list.js'
import { transferList, type TransferList } from './lists/transfer-list.js'
import {
  NETWORKS_FILE as NETWORKS,
  RulesFolder,
  type FileResult,
  type RuleFiles
} from './model/folder.js'
import { Location } from './model/location.js'
import { YamlSource } from './model/yaml-source.js'
import type { NameSource, RuleSet } from './model/types.js'
import { buildNetworks } from './networks/networks.js'
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
    }
  | {
      readonly ok: false
      /** All errors, by file and line. */
      readonly errors: readonly InterdictError[]
      /** Every file and folder that was read or looked for: to be watched for changes. */
      readonly files: readonly string[]
      /** Whether a retry may succeed with the files unchanged. */
      readonly passing: boolean
    }

const APPS = 'apps'

/**
 * Loads a rules folder: `networks.yaml`, `apps/*.yaml` and the lists of networks. Never throws.
 * Nothing is assumed for missing or invalid files: the rules load completely or not at all.
 *
 * @param folder its path, or its files
 * @param clock for warnings about expired rules; rules start and expire by themselves
 * @param copies folder of the last good copies of downloaded lists; undefined: none. Nothing is
 *   downloaded here.
 */
export async function loadRules(
  folder: string | RuleFiles,
  clock: Clock = systemClock,
  copies?: string
): Promise<RulesResult> {
  const files = typeof folder === 'string' ? new RulesFolder(folder, copies) : folder
  return new RulesLoader(files, clock).load()
}

class RulesLoader {
  private readonly errors: InterdictError[] = []
  private readonly warnings: InterdictError[] = []
  private readonly apps = new Map<string, App>()
  /** Warnings about forced names of each app: they matter only where a rule uses the app. */
  private readonly forcedNames = new Map<NameSource, readonly InterdictError[]>()
  private readonly reports: ListReport[] = []
  private readonly remotes: RemoteList[] = []
  private readonly transfers: TransferList[] = []
  /** The sources of each list, by list id. */
  private readonly lists = new Map<string, readonly NameSource[]>()

  constructor(
    private readonly folder: RuleFiles,
    private readonly clock: Clock
  ) {}

  async load(): Promise<RulesResult> {
    await this.readApps()
    const made = await this.readNetworks()
    const { errors, warnings, folder } = this
    if (made === undefined || errors.length > 0) {
      return {
        ok: false,
        errors: errors.sort(compareByPosition),
        files: folder.files,
        passing: folder.hadTransientError
      }
    }
    this.warnOfForcedNames(made.networks)
    const apps = [...this.apps.values()].map(({ source }) => source)
    const sources = [...apps, ...[...this.lists.values()].flat(), ...made.inline]
    const { sha256, filesSha256, zones, files, bundle } = folder
    const { networks, timeZone } = made
    const sums = { sha256, filesSha256, zones, bundle }
    const rules = { networks, sources, timeZone, ...sums, files }
    const { reports: lists, remotes, transfers } = this
    return {
      ok: true,
      rules,
      warnings: warnings.sort(compareByPosition),
      lists,
      remotes,
      transfers
    }
  }

  private async readApps(): Promise<void> {
    const names = await this.folder.listFolder(APPS)
    if ('why' in names) {
      this.unreadable(APPS, names.why)
      return
    }
    const files = names.filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    const read = await Promise.all(files.map(file => this.folder.read(`${APPS}/${file}`)))
    for (const [i, file] of files.entries()) this.readApp(`${APPS}/${file}`, read[i]!)
  }

  private readApp(name: string, file: FileResult): void {
    const id = basename(name, '.yaml')
    // A known app without names: rules that use an app with an invalid file are valid themselves.
    const source = new YamlSource('app', id, id, name, [], [])
    this.apps.set(id, { source, kind: 'app', pairsWith: [], isBroken: true })
    if (name.endsWith('.yml')) this.unreadable(name, 'app file names must end in .yaml')
    else if ('why' in file) this.unreadable(name, file.why)
    else {
      const read = readApp(file.octets, name, this.folder.displayName(name))
      if ('errors' in read) this.errors.push(...read.errors)
      else {
        this.apps.set(id, read.app)
        const isForced = ({ code }: InterdictError): boolean => code === 'RULES_FORCED'
        this.forcedNames.set(read.app.source, read.warnings.filter(isForced))
        this.warnings.push(...read.warnings.filter(one => !isForced(one)))
      }
    }
  }

  private warnOfForcedNames(networks: RuleSet['networks']): void {
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
    if (!read.ok) {
      this.errors.push(...read.errors)
      return undefined
    }
    const top = new Location(read, NETWORKS, this.errors, this.warnings)
    await this.readLists(read.value, top)
    return buildNetworks(read.value, this.apps, this.lists, top, epochSeconds(this.clock))
  }

  /** What to do: the file may be there under another name, such as `networks.yml`. */
  private async adviceWithoutFile(): Promise<string> {
    const names = await this.folder.listFolder('')
    const other = 'why' in names ? undefined : names.find(name => /^networks?\.ya?ml$/i.test(name))
    if (other !== undefined) return `; rename ${other} to ${NETWORKS}`
    return '; `interdict init FOLDER` writes settings and rules to start with'
  }

  private async readLists({ lists, networks }: NetworksFile, top: Location): Promise<void> {
    const prefixes = Object.entries(networks).map(
      ([id, network]) => [id, network.prefixes] as const
    )
    const clients = new Map(prefixes)
    for (const [id, entry] of Object.entries(lists)) {
      this.lists.set(id, [new YamlSource('inline', id, id, NETWORKS, [], [])])
      const files = await readListFiles(this.folder, id, entry, top.at('lists', id))
      const remote = remoteList(id, entry, files !== undefined)
      if (remote !== undefined) this.remotes.push(remote)
      const transfer = transferList(id, entry, files !== undefined, top.at('lists', id))
      if (transfer !== undefined) this.transfers.push(transfer)
      if (files === undefined) continue
      const given = entry.transfer === undefined ? entry.format : 'rpz'
      const format = given === 'auto' ? undefined : given
      const read = readList({ id, format, mayBeEmpty: entry['may-be-empty'], clients }, files)
      if ('errors' in read) this.errors.push(...read.errors)
      else {
        this.lists.set(id, read.parts)
        this.warnings.push(...read.warnings)
        this.reports.push(...read.reports)
      }
    }
  }

  private unreadable(name: string, why: string): void {
    const file = this.folder.displayName(name)
    this.errors.push(failureAt({ file, line: 1, column: 1 }, 'RULES_UNREADABLE', name, why))
  }
}
