import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { Octets } from '../../base/units.js'
import {
  RulesFolder,
  isCopyName,
  type FileResult,
  type RuleFiles,
  type TooLarge
} from '../../rules/model/folder.js'
import type { BundleFacts } from '../../rules/model/types.js'
import { rulesSum, type ZoneState } from '../../zonefile/zone-state.js'
import type { Bundle } from './bundle.js'

const MISSING = { why: 'the bundle has no such file' }

export interface BundleFilesOptions {
  /** Of the bundle: what a watcher watches. */
  readonly path: string
  /** What stands before names of files in messages: `rules.bundle:`. */
  readonly prefix: string
  /** Where copies of lists are that are fetched; undefined: nowhere. */
  readonly copies?: string
  readonly facts?: BundleFacts
}

/** Rules that are read from a bundle, as from a folder. Copies of fetched lists are beside it. */
export class BundleFiles implements RuleFiles {
  readonly bundle: BundleFacts | undefined
  private readonly copies: RulesFolder | undefined

  constructor(
    private readonly packed: Bundle,
    private readonly parts: BundleFilesOptions
  ) {
    const { copies, facts } = parts
    this.bundle = facts
    this.copies = copies === undefined ? undefined : new RulesFolder(copies, copies)
  }

  read(name: string): Promise<FileResult> {
    // Whatever leads out of the bundle leads nowhere: its names have no `..`.
    const octets = this.packed.content.get(posix.normalize(name))
    return Promise.resolve(octets === undefined ? MISSING : { octets })
  }

  async readAtMost(name: string, most: Octets): Promise<FileResult | TooLarge> {
    if (isCopyName(name))
      return this.copies?.readAtMost(name, most) ?? { ...MISSING, isMissing: true }
    const file = await this.read(name)
    return 'octets' in file && file.octets.length > most ? { size: file.octets.length } : file
  }

  async readZone(list: string, zone: Uint8Array, most: Octets): Promise<FileResult | TooLarge> {
    return this.copies?.readZone(list, zone, most) ?? { ...MISSING, isMissing: true }
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

  /** That of the bundle; with copies of lists, over them as well. */
  get filesSha256(): string {
    const { sha256 } = this.packed.manifest
    if (this.copies === undefined || this.copies.isUnread) return sha256
    return createHash('sha256').update(`${sha256}\0${this.copies.filesSha256}`).digest('hex')
  }

  get zones(): readonly ZoneState[] {
    return this.copies?.zones ?? []
  }

  get sha256(): string {
    return rulesSum(this.filesSha256, this.zones)
  }

  get hadTransientError(): boolean {
    return this.copies?.hadTransientError === true
  }
}
