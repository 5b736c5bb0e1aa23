import { posix } from 'node:path'
import type { Octets } from '../base/units.js'
import type { FileResult, RuleFiles, TooLarge } from '../rules/folder.js'
import type { Bundle } from './bundle.js'

const MISSING = { why: 'the bundle has no such file' }

/** Rules that are read from a bundle, as from a folder. */
export class BundleFiles implements RuleFiles {
  readonly starved = false
  readonly files: readonly string[]
  readonly sha256: string

  /**
   * @param path of the bundle: what a watcher watches
   * @param front what stands before names of files in messages: `rules.bundle:`
   */
  constructor(
    private readonly bundle: Bundle,
    path: string,
    private readonly front: string
  ) {
    this.files = [path]
    this.sha256 = bundle.manifest.sha256
  }

  read(name: string): Promise<FileResult> {
    // Whatever leads out of the bundle leads nowhere: its names have no `..`.
    const octets = this.bundle.content.get(posix.normalize(name))
    return Promise.resolve(octets === undefined ? MISSING : { octets })
  }

  async readAtMost(name: string, most: Octets): Promise<FileResult | TooLarge> {
    const file = await this.read(name)
    return 'octets' in file && file.octets.length > most ? { large: file.octets.length } : file
  }

  /** Copies of zones are beside folders, not beside bundles. */
  zone(): Promise<FileResult> {
    return Promise.resolve({ ...MISSING, isMissing: true })
  }

  list(name: string, needed = false): Promise<readonly string[] | { readonly why: string }> {
    const within = posix.normalize(`${name}/`)
    const folder = within === './' ? '' : within
    const names = [...this.bundle.content.keys()]
      .filter(file => file.startsWith(folder))
      .map(file => file.slice(folder.length))
      .filter(file => !file.includes('/'))
    const isMissing = names.length === 0 && needed
    return Promise.resolve(isMissing ? { why: 'the bundle has no such folder' } : names)
  }

  /** `rules.bundle:networks.yaml` */
  shown(name: string): string {
    return `${this.front}${name}`
  }
}
