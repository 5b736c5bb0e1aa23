import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { Octets } from '../../base/units.js'
import {
  CATALOGUE_COPY,
  CATALOGUE_FILE,
  RulesFolder,
  isCopyName,
  type FileDigest,
  type FileResult,
  type FilesLocation,
  type ReadFile,
  type RuleFiles,
  type TooLarge
} from '../../policy/rules/model/folder.js'
import type { BundleFacts } from '../../policy/rules/model/types.js'
import { rulesSha256, type ZoneState } from '../../wire/zonefile/zone-state.js'
import type { Bundle } from './bundle.js'
import { sha256Of } from '../../base/bytes/sha256.js'

const MISSING = { why: 'the bundle has no such file' }

export interface BundleFilesOptions {
  /** Path of the bundle, for the file watcher. */
  readonly path: string
  /** Precedes file names in messages: `rules.bundle:`. */
  readonly prefix: string
  /** Folder with copies of remote lists; undefined: none. */
  readonly copies?: string
  /** The ASN database; undefined: the settings name none. */
  readonly asnDatabase?: string | undefined
  readonly facts?: BundleFacts
}

/**
 * Rule files read from a bundle instead of a folder. Copies of remote lists are stored outside it.
 */
export class BundleFiles implements RuleFiles {
  readonly bundle: BundleFacts | undefined
  private readonly copies: RulesFolder | undefined

  constructor(
    private readonly packed: Bundle,
    private readonly parts: BundleFilesOptions
  ) {
    const { copies, facts, asnDatabase } = parts
    this.bundle = facts
    this.copies =
      copies === undefined ? undefined : new RulesFolder(copies, { copies, asnDatabase })
  }

  read(name: string): Promise<FileResult> {
    // Names in a bundle have no `..`, so a path that leaves the bundle matches nothing.
    const octets = this.packed.content.get(posix.normalize(name))
    return Promise.resolve(octets === undefined ? MISSING : { octets })
  }

  async readAtMost(name: string, most: Octets): Promise<FileResult | TooLarge> {
    // A bundle has the catalogue with which it was signed, or none.
    const isCatalogue = name === CATALOGUE_FILE && !this.packed.content.has(name)
    if (isCatalogue || name === CATALOGUE_COPY) return { ...MISSING, isMissing: true }
    if (isCopyName(name))
      return this.copies?.readAtMost(name, most) ?? { ...MISSING, isMissing: true }
    const file = await this.read(name)
    return 'octets' in file && file.octets.length > most ? { size: file.octets.length } : file
  }

  async readZone(list: string, zone: Uint8Array, most: Octets): Promise<FileResult | TooLarge> {
    return this.copies?.readZone(list, zone, most) ?? { ...MISSING, isMissing: true }
  }

  readAsns(systems: readonly number[]): Promise<FileResult> {
    // Beside the bundle, as copies of lists: each gateway has a database of its own.
    return this.copies?.readAsns(systems) ?? Promise.resolve({ ...MISSING, isMissing: true })
  }

  /** Of copies of lists; files of the bundle change only as a whole. */
  fingerprints(names: readonly string[]): Promise<ReadonlyMap<string, string> | undefined> {
    return this.copiesOf(names)?.fingerprints(names) ?? Promise.resolve(undefined)
  }

  locate(names: readonly string[]): FilesLocation | undefined {
    return this.copiesOf(names)?.locate()
  }

  keep(files: readonly FileDigest[], zone: ZoneState | undefined): void {
    this.copies?.keep(files, zone)
  }

  digests(names: readonly string[]): readonly FileDigest[] {
    return this.copies?.digests(names) ?? []
  }

  contents(): readonly ReadFile[] {
    const own = [...this.packed.content].map(([name, octets]) => {
      return { name, sha256: sha256Of(octets), octets, path: undefined }
    })
    return [...own, ...(this.copies?.contents() ?? [])]
  }

  /** Undefined if one of the files is in the bundle. */
  private copiesOf(names: readonly string[]): RulesFolder | undefined {
    return names.every(isCopyName) ? this.copies : undefined
  }

  listFolder(name: string, needed = false): Promise<readonly string[] | { readonly why: string }> {
    const within = posix.normalize(`${name}/`)
    const folder = within === './' ? '' : within
    const names = [...this.packed.content.keys()]
      .filter(file => file.startsWith(folder))
      .map(file => file.slice(folder.length))
      .filter(file => !file.includes('/'))
    const isMissing = names.length === 0 && needed
    return Promise.resolve(isMissing ? { why: 'the bundle has no such folder' } : names)
  }

  /** `rules.bundle:networks.yaml` */
  displayName(name: string): string {
    if (isCopyName(name) && this.copies !== undefined) return this.copies.displayName(name)
    return `${this.parts.prefix}${name}`
  }

  get files(): readonly string[] {
    return [this.parts.path, ...(this.copies?.files ?? [])]
  }

  /** The hash of the bundle, combined with that of the list copies if any were read. */
  get filesSha256(): string {
    const { sha256 } = this.packed.manifest
    if (this.copies === undefined || this.copies.isUnread) return sha256
    return createHash('sha256').update(`${sha256}\0${this.copies.filesSha256}`).digest('hex')
  }

  get ownSha256(): string {
    return this.packed.manifest.sha256
  }

  get zones(): readonly ZoneState[] {
    return this.copies?.zones ?? []
  }

  get sha256(): string {
    return rulesSha256(this.filesSha256, this.zones)
  }

  get hadTransientError(): boolean {
    return this.copies?.hadTransientError === true
  }
}
