import { createHash } from 'node:crypto'
import type { Octets } from '../../base/units.js'
import { namesOf, type ListRequest } from '../rules/lists/load-list.js'
import type { ListProvider, ProvidedList } from '../rules/lists/list-provider.js'
import {
  ASN_EXTRACT,
  isCopyName,
  NETWORKS_FILE,
  RulesFolder,
  type FileDigest,
  type FileResult,
  type RuleFiles,
  type TooLarge
} from '../rules/model/folder.js'
import type { BundleFacts, NameSource } from '../rules/model/types.js'
import { YamlSource } from '../rules/model/yaml-source.js'
import type { ZoneState } from '../../wire/zonefile/zone-state.js'
import { sha256Of } from '../../base/bytes/sha256.js'
import type { StoredVersion } from './rules-history.js'

const MISSING = { why: 'no such file', isMissing: true } as const
const NOT_STORED = { why: 'its content is not in the history of rules' } as const
/** As in messages: enough to find the version. */
const SHOWN_DIGITS = 12

/** Where files may still be as they were then: today's rules folder, and the copies of lists. */
export interface CurrentFiles {
  /** Undefined: the rules are a bundle. */
  readonly folder: string | undefined
  readonly copies: string
  /** Other folders in which files of the rules may be. */
  readonly outside: readonly string[]
}

/** The rule files of a version in the history. What is not stored is taken from today's files, if they are the same. */
export class StoredFiles implements RuleFiles {
  readonly hadTransientError = false
  readonly files: readonly string[] = []

  constructor(
    private readonly version: StoredVersion,
    private readonly current?: CurrentFiles
  ) {}

  read(name: string): Promise<FileResult> {
    return this.find(name)
  }

  async readAtMost(name: string, most: Octets): Promise<FileResult | TooLarge> {
    const file = await this.find(name)
    return 'octets' in file && file.octets.length > most ? { size: file.octets.length } : file
  }

  async readZone(list: string, zone: Uint8Array, most: Octets): Promise<FileResult | TooLarge> {
    const state = this.version.event.zones.find(one => one.list === list)
    if (state === undefined) return MISSING
    const stored = state.content && (await this.version.content(state.content))
    if (stored) return stored.length > most ? { size: stored.length } : { octets: stored }
    const today = this.today()
    const read = await today?.readZone(list, zone, most)
    const isSame = today?.zones.some(
      one => one.sha256 === state.sha256 && one.serial === state.serial
    )
    return isSame === true ? read! : NOT_STORED
  }

  readAsns(): Promise<FileResult> {
    return this.find(ASN_EXTRACT)
  }

  fingerprints(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  locate(): undefined {
    return undefined
  }

  keep(): void {
    // Nothing is read again.
  }

  digests(): readonly FileDigest[] {
    return []
  }

  contents(): undefined {
    return undefined
  }

  listFolder(name: string, needed = false): Promise<readonly string[] | { readonly why: string }> {
    const start = name === '' ? '' : `${name.replace(/\/+$/, '')}/`
    const names = [...(this.version.tree?.keys() ?? [])]
      .filter(file => file.startsWith(start))
      .map(file => file.slice(start.length))
      .filter(file => !file.includes('/'))
      .sort()
    return Promise.resolve(names.length === 0 && needed ? MISSING : names)
  }

  /** `1a2b3c4d5e6f:networks.yaml` */
  displayName(name: string): string {
    return `${this.sha256.slice(0, SHOWN_DIGITS)}:${name}`
  }

  get sha256(): string {
    return this.version.event.sha256
  }

  get filesSha256(): string {
    return this.version.event.files
  }

  get ownSha256(): string {
    const hash = createHash('sha256')
    const own = [...(this.version.tree ?? [])].filter(([name]) => !isCopyName(name)).sort()
    for (const [name, sha256] of own) hash.update(`${name}\0${sha256}\0`)
    return hash.digest('hex')
  }

  get zones(): readonly ZoneState[] {
    return this.version.event.zones.map(({ list, zone, serial, sha256, lines }) => {
      return { list, zone, serial, sha256, lines }
    })
  }

  get bundle(): BundleFacts | undefined {
    return this.version.event.bundle ?? undefined
  }

  /** Names of the files that rules are in, and that are not known any more: the loader names others. */
  async missingRules(): Promise<readonly string[]> {
    const { tree } = this.version
    if (tree === undefined) return [NETWORKS_FILE]
    const missing: string[] = []
    for (const name of await this.version.missing())
      if (name.endsWith('.yaml') && !('octets' in (await this.find(name)))) missing.push(name)
    return missing
  }

  private async find(name: string): Promise<FileResult> {
    const sha256 = this.version.tree?.get(name)
    if (sha256 === undefined) return this.version.tree === undefined ? NOT_STORED : MISSING
    const stored = await this.version.content(sha256)
    if (stored !== undefined) return { octets: stored }
    const read = await this.today()?.readAtMost(name, Infinity)
    const isSame = read !== undefined && 'octets' in read && sha256Of(read.octets) === sha256
    return isSame ? read : NOT_STORED
  }

  private today(): RulesFolder | undefined {
    const { current } = this
    return current && new RulesFolder(current.folder ?? current.copies, current)
  }
}

/** Leaves out lists whose content is not known any more, and remembers which. */
export class KnownLists implements ListProvider {
  /** By list id: an empty source each. */
  readonly placeholders = new Map<string, NameSource>()

  async provide(files: RuleFiles, request: ListRequest): Promise<ProvidedList | undefined> {
    const { id, entry } = request
    const reads =
      entry.transfer === undefined
        ? (await namesOf(files, id, entry)).filter(name => name !== entry.folder)
        : []
    const results = await Promise.all(reads.map(name => files.readAtMost(name, entry['max-size'])))
    const zone = entry.transfer && (await files.readZone(id, entry.transfer, entry['max-size']))
    const isKnown = [...results, ...(zone ? [zone] : [])].every(
      one => !('why' in one) || one.isMissing === true
    )
    if (isKnown) return undefined
    const empty = new YamlSource('inline', id, id, 'networks.yaml', [], [])
    this.placeholders.set(id, empty)
    return { sources: [empty], reports: [], state: undefined, errors: [], warnings: [] }
  }
}
